//! Tables are safe for terminals, and coloured only where somebody looks.

use super::*;

fn printed(with_colours: bool) -> String {
    let rows = [(Tone::Heading, ["A", "WHY"]), (Tone::Wrong, ["b\x1b[2Jc", "x\ny"]), (Tone::Plain, ["longer", ""])];
    let rows = rows.map(|(tone, row)| (tone, row.map(str::to_owned).to_vec())).to_vec();
    let mut out = Vec::new();
    painted(rows, with_colours, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn nobody_writes_to_the_terminal_of_who_looks() {
    assert_eq!(printed(false), "A       WHY\nb\u{fffd}[2Jc  x\u{fffd}y\nlonger\n");
}

#[test]
fn a_row_is_painted_as_a_whole_and_the_columns_stay_aligned() {
    let lines = "\x1b[1mA       WHY\x1b[0m\n\x1b[31mb\u{fffd}[2Jc  x\u{fffd}y\x1b[0m\nlonger\n";
    assert_eq!(printed(true), lines);
}
