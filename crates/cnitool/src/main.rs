//! Runs network lists by hand.
#![expect(
    clippy::disallowed_methods,
    reason = "a runtime is configured by its own environment and prints for a person"
)]

mod args;
mod container;
mod validate;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use cni_core::{Attachment, Result};
use cni_runtime::{NetworkList, Parameters, Runtime};
use cnitool::command_line::{self, Asked, Call, Mistake, Verb};
use cnitool::order::Order;
use validate::{Machine, Severity};

/// Where network configurations are unless `NETCONFPATH` says otherwise.
const DEFAULT_FOLDER: &str = "/etc/cni/net.d";
/// Where distributions have plugins.
const USUAL_CNI_PATH: &str = "/opt/cni/bin:/usr/lib/cni:/usr/libexec/cni";

fn main() -> ExitCode {
    let call = match command_line::parse(std::env::args_os()) {
        Ok(Asked::Call(call)) => call,
        Ok(Asked::Validate(order)) => return validate(&order),
        Ok(Asked::Help(text)) => {
            print(&mut io::stdout(), &text);
            return ExitCode::SUCCESS;
        }
        Err(Mistake { text, exit_code }) => {
            print(&mut io::stderr(), &text);
            return ExitCode::from(exit_code);
        }
    };
    match run(&call) {
        Ok(text) => {
            print(&mut io::stdout(), &text);
            ExitCode::SUCCESS
        }
        Err(error) => {
            print(&mut io::stderr(), &format!("Error: {error}\n"));
            ExitCode::FAILURE
        }
    }
}

/// Runs the verb and returns what is to be printed.
fn run(call: &Call) -> Result<String> {
    let folder = variable("NETCONFPATH").unwrap_or_else(|| DEFAULT_FOLDER.to_owned());
    let list = NetworkList::load(Path::new(&folder), &call.network)?;
    let runtime = Runtime::new(variable("CNI_PATH").unwrap_or_default());
    let parameters = parameters(call)?;
    match call.verb {
        Verb::Add => return Ok(runtime.add(&list, &parameters)?.to_document()),
        Verb::Check => runtime.check(&list, &parameters)?,
        Verb::Del => runtime.del(&list, &parameters)?,
        Verb::Gc => runtime.gc(&list, None)?,
        Verb::Status => runtime.status(&list)?,
    }
    Ok(String::new())
}

/// Checks files, or writes a schema.
fn validate(order: &Order) -> ExitCode {
    if let Some(plugin) = &order.schema {
        return match validate::schema(plugin) {
            Some(schema) => {
                print(&mut io::stdout(), &schema);
                ExitCode::SUCCESS
            }
            None => {
                print(&mut io::stderr(), &format!("Error: no plugin {plugin:?} in this set\n"));
                ExitCode::from(2)
            }
        };
    }
    let cni_path = order.cni_path.clone().or_else(|| variable("CNI_PATH"));
    let machine = Machine { cni_path: cni_path.unwrap_or_else(|| USUAL_CNI_PATH.to_owned()) };
    let machine = (!order.any_machine).then_some(&machine);
    let (findings, files) = validate::check(&order.files, machine);
    let text = match order.json {
        true => validate::for_machines(&findings),
        false => validate::for_people(&findings, files),
    };
    print(&mut io::stdout(), &text);
    let counts = |severity| order.strict || severity == Severity::Error;
    ExitCode::from(u8::from(findings.iter().any(|finding| counts(finding.severity))))
}

fn parameters(call: &Call) -> Result<Parameters> {
    let capability_args = args::parse_capability_args(&variable("CAP_ARGS").unwrap_or_default())?;
    let args = args::parse_args(&variable("CNI_ARGS").unwrap_or_default())?;
    let ifname =
        call.ifname.clone().or_else(|| variable("CNI_IFNAME")).unwrap_or_else(|| "eth0".to_owned());
    let netns = container::absolute(&std::env::current_dir()?, &call.netns);
    let container_id = container::id(&netns);
    Ok(Parameters { attachment: Attachment { container_id, netns, ifname }, args, capability_args })
}

/// A variable of the environment; an empty one counts as unset.
fn variable(name: &str) -> Option<String> {
    let value = std::env::var_os(name)?.to_string_lossy().into_owned();
    (!value.is_empty()).then_some(value)
}

/// Writes all of a text. Nothing can be done about a reader who has gone away: the network is as
/// it was asked for.
fn print(to: &mut impl Write, text: &str) {
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}
