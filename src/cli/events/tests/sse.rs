//! Events are read whole, wherever the pieces end.

use super::*;

#[test]
fn events_are_the_same_wherever_the_pieces_end() {
    let sent = ":\n\nevent: accepted\nid: 7\ndata: {\"id\":\"é\"}\n\n: still there\n\nevent:ended\ndata:1\ndata:2\n\n"
        .as_bytes();
    let expected = [("accepted", "{\"id\":\"é\"}"), ("ended", "12")];
    let expected = expected.map(|(what, data)| Told { what: what.to_owned(), data: data.to_owned() });
    for size in 1..=sent.len() {
        let mut reading = Reading::default();
        let all: Vec<Told> = sent.chunks(size).flat_map(|piece| reading.read(piece)).collect();
        assert_eq!(all, expected, "pieces of {size}");
    }
}

#[test]
fn what_never_ends_is_forgotten() {
    let mut reading = Reading::default();
    assert_eq!(reading.read(&vec![b'x'; LONGEST + 1]), []);
    let told = Told { what: "a".to_owned(), data: String::new() };
    assert_eq!(reading.read(b"event: a\n\n"), [told]);
}
