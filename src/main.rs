//! The program: hands over to the command line and turns its verdict into an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    castai_relay::cli::main()
}
