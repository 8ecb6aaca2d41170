//! The plugins that are chained after an interface plugin, each as a runtime uses it.
