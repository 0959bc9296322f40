//! The fullest form that fits is taken, and there is always one.

use serde_json::json;

use super::*;

fn form(room: Room) -> Value {
    json!("x".repeat(room.text))
}

#[test]
fn everything_is_shown_where_there_is_room() {
    assert_eq!(fitting(8002, form), json!("x".repeat(8000)));
}

#[test]
fn one_byte_too_many_costs_the_end_of_the_text() {
    assert_eq!(fitting(8001, form), json!("x".repeat(4000)));
    assert_eq!(fitting(4001, form), json!("x".repeat(1500)));
}

#[test]
fn the_shortest_form_is_taken_where_nothing_fits() {
    assert_eq!(fitting(0, form), json!("x".repeat(150)));
}

#[test]
fn each_step_shows_no_more_than_the_one_before() {
    for pair in Room::STEPS.windows(2) {
        let (more, less) = (pair[0], pair[1]);
        assert!(less.text < more.text && less.facts <= more.facts && less.links <= more.links);
        assert!(less.footer <= more.footer && less.footer > 0);
    }
}
