//! A cursor leads on where it was made for, and nowhere else.

use proptest::prelude::*;

use super::*;

fn page(filter: &str, cursor: Option<&str>) -> Result<Page, ApiError> {
    Page::of("acts", filter, USUAL, cursor)
}

#[test]
fn a_page_is_cut_to_its_limit_and_leads_on_only_when_there_is_more() {
    let page = Page::of("acts", "", 2, None).unwrap();
    assert_eq!((page.wanted(), page.before), (3, None));
    let mut items = vec![9, 7, 5];
    let next = page.cut(&mut items, |item| *item).unwrap();
    assert_eq!(items, [9, 7]);
    assert_eq!(Page::of("acts", "", 2, Some(&next)).unwrap().before, Some(7));
    let mut items = vec![9, 7];
    assert_eq!(page.cut(&mut items, |item| *item), None);
    assert_eq!(page.cut(&mut Vec::<i64>::new(), |item| *item), None);
}

#[test]
fn a_cursor_of_another_list_or_filter_is_refused() {
    let cursor = page("all=true", None).unwrap().next(7);
    assert!(page("all=true", Some(&cursor)).is_ok());
    assert!(page("all=false", Some(&cursor)).is_err());
    assert!(Page::of("silences", "all=true", USUAL, Some(&cursor)).is_err());
    assert!(Page::of("act", "sall=true", USUAL, Some(&cursor)).is_err());
}

#[test]
fn garbage_is_refused() {
    for garbage in ["", "7", "AAAA", "====", "ä", &"A".repeat(22), &"A".repeat(2000)] {
        assert!(page("", Some(garbage)).is_err(), "{garbage}");
    }
}

#[test]
fn a_place_below_the_first_one_is_none_even_with_the_right_mark() {
    for place in [-1, i64::MIN] {
        let forged = page("", None).unwrap().next(place);
        assert!(page("", Some(&forged)).is_err(), "{place}");
    }
    let first = page("", None).unwrap().next(0);
    assert_eq!(page("", Some(&first)).unwrap().before, Some(0));
}

/// What may happen to a cursor on its way.
fn mutate(cursor: &str, at: usize, with: char, how: u8) -> String {
    let mut chars: Vec<char> = cursor.chars().collect();
    let at = at % chars.len();
    match how {
        0 => chars[at] = with,
        1 => chars.insert(at, with),
        2 => drop(chars.remove(at)),
        3 => chars.push(with),
        _ => chars.swap(0, at),
    }
    chars.into_iter().collect()
}

proptest! {
    #[test]
    fn any_cursor_reads_back(filter: String, position in 0..=i64::MAX) {
        let cursor = page(&filter, None).unwrap().next(position);
        prop_assert!(cursor.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
        prop_assert_eq!(page(&filter, Some(&cursor)).unwrap().before, Some(position));
    }

    #[test]
    fn any_mutation_is_refused_or_reads_as_itself(position in 0..=i64::MAX, at: usize, with: char, safe in "[A-Za-z0-9_-]", how in 0_u8..5) {
        let cursor = page("", None).unwrap().next(position);
        for with in [with, safe.chars().next().unwrap()] {
            let mutated = mutate(&cursor, at, with, how);
            match page("", Some(&mutated)) {
                Ok(page) => prop_assert_eq!((mutated, page.before), (cursor.clone(), Some(position))),
                Err(_) => prop_assert_ne!(mutated, cursor.clone()),
            }
        }
    }
}
