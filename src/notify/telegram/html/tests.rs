//! What is a tag, how much is shown, and that whatever is cut stays whole.

use proptest::prelude::*;

use super::*;

fn cut(html: &str, units: usize) -> String {
    within(html, Room::of_units(units))
}

#[test]
fn what_fits_stays_as_it_is() {
    let html =
        "<b>a</b> &lt;&#128293; <a href=\"https://x/?a=1&amp;b\">\"y\"</a> <blockquote expandable>z</blockquote>";
    assert_eq!(cut(html, 11), html);
    assert_eq!(measure(html), Room { units: 11, bytes: html.len() });
}

#[test]
fn an_entity_is_one_character_and_a_tag_is_none() {
    assert_eq!(cut("<b>&amp;&lt;&gt;&quot;</b>", 4), "<b>&amp;&lt;&gt;&quot;</b>");
    assert_eq!(cut("<b>&amp;&lt;&gt;&quot;</b>", 3), "<b>&amp;&lt;…</b>");
    assert_eq!(cut("<b><i>abc</i>d</b>", 2), "<b><i>a…</i></b>");
    assert_eq!(cut("🔥🔥", 4), "🔥🔥");
    assert_eq!(cut("🔥🔥", 3), "🔥…");
    assert_eq!(cut("🔥🔥", 2), "…");
    assert_eq!(cut("ab", 0), "");
}

#[test]
fn what_is_no_tag_is_shown_and_what_is_open_is_closed() {
    for (html, shown) in [
        ("1 < 2 & 3 > 2", "1 &lt; 2 &amp; 3 &gt; 2"),
        ("<script>x</script>", "&lt;script&gt;x&lt;/script&gt;"),
        ("<b>x", "<b>x</b>"),
        ("x</b>", "x&lt;/b&gt;"),
        ("<b><i>x</b></i>", "<b><i>x&lt;/b&gt;</i></b>"),
        ("<b class=\"x\">y</b>", "&lt;b class=\"x\"&gt;y&lt;/b&gt;"),
        ("<a>x</a>", "&lt;a&gt;x&lt;/a&gt;"),
        ("<a href=\"x\" onclick=\"y\">z</a>", "&lt;a href=\"x\" onclick=\"y\"&gt;z&lt;/a&gt;"),
        ("&nbsp;&#0;&#x202e;&#xd800;&#+65;&", "&amp;nbsp;&amp;#0;&amp;#x202e;&amp;#xd800;&amp;#+65;&amp;"),
        ("&#65;&#x41;", "&#65;&#x41;"),
        ("<br", "&lt;br"),
    ] {
        assert_eq!(within(html, Room::of_units(1000)), shown, "{html}");
    }
}

#[test]
fn bytes_are_counted_with_the_tags_that_are_still_to_be_closed() {
    let html = "<b>ab</b>cdefg";
    assert_eq!(within(html, Room { units: 99, bytes: html.len() }), html);
    assert_eq!(within(html, Room { units: 99, bytes: html.len() - 1 }), "<b>ab</b>c…");
    assert_eq!(within("<b>abcd</b>", Room { units: 99, bytes: 10 }), "<b>…</b>");
    assert_eq!(within("<b></b><b></b>", Room { units: 99, bytes: 10 }), "<b></b>…");
}

proptest! {
    #[test]
    fn whatever_is_cut_is_within_its_room_and_stays_what_it_is(
        html in "([a-z ]|🔥|&|&amp;|<|</?b>|</?code>|<a href=\"x\">|</a>|\"|;){0,40}", units in 0..30usize, bytes in 3..120usize
    ) {
        let room = Room { units, bytes };
        let kept = within(&html, room);
        let size = measure(&kept);
        prop_assert!(size.units <= units && kept.len() <= bytes, "{kept}");
        prop_assert_eq!(within(&kept, room), kept);
    }

    #[test]
    fn whatever_is_literal_is_shown_as_it_is(text in ".{0,40}") {
        let html = literal(&text);
        prop_assert!(!html.contains(['<', '>', '"']));
        prop_assert_eq!(measure(&html).units, text.encode_utf16().count());
        prop_assert_eq!(cut(&html, 100), html);
    }
}
