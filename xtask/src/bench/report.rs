//! The table: what was measured, side by side, and the limits it has to keep.

use std::fmt::Write;

/// What a number counts.
#[derive(Clone, Copy)]
pub enum Unit {
    /// Milliseconds.
    Ms,
    /// KiB of memory or disk.
    Kib,
}

/// One line of the table.
pub struct Row {
    /// What was done and what of it is counted.
    pub title: String,
    /// What the numbers count.
    pub unit: Unit,
    /// Our median.
    pub ours: f64,
    /// What ours is compared with: the reference's median, or our own without the load.
    pub base: Option<f64>,
    /// The largest ratio of ours to `base` that is acceptable, or, without a base, the largest
    /// value in the row's unit.
    pub limit: Option<f64>,
}

impl Row {
    /// What is compared with the limit.
    fn measured(&self) -> f64 {
        self.base.map_or(self.ours, |base| self.ours / base)
    }

    /// Whether the limit, if there is one, is kept.
    pub fn is_kept(&self) -> bool {
        self.limit.is_none_or(|limit| self.measured() <= limit)
    }

    fn verdict(&self) -> &'static str {
        match self.limit {
            None => "",
            Some(_) if self.is_kept() => "ok",
            Some(_) => "MISSED",
        }
    }

    /// The row as a line of the table.
    pub fn line(&self) -> String {
        let base = self.base.map_or(String::new(), |base| self.unit.show(base));
        let ratio = self.base.map_or(String::new(), |base| format!("{:.2}", self.ours / base));
        let limit = match (self.limit, self.base) {
            (None, _) => String::new(),
            (Some(limit), Some(_)) => format!("{limit:.2}"),
            (Some(limit), None) => self.unit.show(limit),
        };
        let cells =
            [&self.title, &self.unit.show(self.ours), &base, &ratio, &limit, self.verdict()];
        format!("| {} |", cells.join(" | "))
    }
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Self::Ms => format!("{value:.2} ms"),
            Self::Kib => format!("{value:.0} KiB"),
        }
    }
}

/// The rows as a Markdown table.
pub fn table(rows: &[Row]) -> String {
    let mut table = String::from(
        "| measure (medians) | ours | compared with | ratio | at most | |\n\
         | --- | ---: | ---: | ---: | ---: | --- |\n",
    );
    for row in rows {
        writeln!(table, "{}", row.line()).expect("writing to a string cannot fail");
    }
    table
}

/// The middle value; of an even number of values, the mean of the two in the middle.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(base: Option<f64>, limit: Option<f64>) -> Row {
        Row { title: "t".to_owned(), unit: Unit::Ms, ours: 3.0, base, limit }
    }

    #[test]
    fn a_limit_is_a_ratio_where_there_is_something_to_compare_with() {
        assert!(row(Some(10.0), Some(0.30)).is_kept());
        assert!(!row(Some(9.0), Some(0.30)).is_kept());
        assert!(row(None, Some(3.0)).is_kept());
        assert!(!row(None, Some(2.9)).is_kept());
        assert!(row(Some(1.0), None).is_kept());
    }

    #[test]
    fn a_missed_limit_is_said() {
        assert_eq!(
            row(Some(4.0), Some(0.30)).line(),
            "| t | 3.00 ms | 4.00 ms | 0.75 | 0.30 | MISSED |"
        );
        assert_eq!(row(None, None).line(), "| t | 3.00 ms |  |  |  |  |");
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
