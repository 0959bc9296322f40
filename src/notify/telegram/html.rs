//! Telegram's HTML, piece by piece: what is shown of it, and as much of it as has room.
//!
//! Pure and total. Telegram refuses a message with a tag it does not know, or one that is left open, so what comes out of
//! [`within`] has neither: what is no tag is shown as it stands, what is open is closed. Nothing is cut inside a tag or an
//! entity. Which tags there are: <https://core.telegram.org/bots/api#html-style>. Used by [`super::form`].

use crate::notify::message::is_obeyed;

/// The tags that need no attribute, and `a`. Two attributes are known: `href` of `a`, `expandable` of `blockquote`.
const TAGS: [&str; 14] =
    ["a", "b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "code", "pre", "blockquote", "tg-spoiler"];

/// How much of a text there may be, or is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    /// UTF-16 units of what is shown: an entity is the character it stands for, a tag is nothing.
    pub(super) units: usize,
    /// Bytes of the markup.
    pub(super) bytes: usize,
}

impl Room {
    /// So many units, however long their markup is.
    pub(super) fn of_units(units: usize) -> Self {
        Self { units, bytes: usize::MAX }
    }

    /// What is left of it.
    pub(super) fn less(self, used: Self) -> Self {
        let (units, bytes) = (self.units.saturating_sub(used.units), self.bytes.saturating_sub(used.bytes));
        Self { units, bytes }
    }
}

/// `text` letter by letter, also within an attribute.
pub(super) fn literal(text: &str) -> String {
    ['&', '<', '>', '"'].into_iter().fold(text.to_owned(), |html, c| html.replace(c, escape(c).unwrap_or_default()))
}

fn escape(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        _ => None,
    }
}

/// How much this markup is.
pub(super) fn measure(html: &str) -> Room {
    let mut writer = Writer::default();
    writer.fill(html, Room::of_units(usize::MAX));
    Room { units: writer.units, bytes: html.len() }
}

/// As much of this markup as has room, the last character `…` if some had to go.
pub(super) fn within(html: &str, room: Room) -> String {
    let mut whole = Writer::default();
    if whole.fill(html, room) {
        return whole.finish();
    }
    let ellipsis = Room { units: 1, bytes: "…".len() };
    let mut cut = Writer::default();
    cut.fill(html, room.less(ellipsis));
    if room.units >= ellipsis.units && room.bytes >= ellipsis.bytes {
        cut.html.push('…');
    }
    cut.finish()
}

/// What markup is made of.
enum Piece<'a> {
    /// Something to read, as markup, and its units.
    Shown(&'a str, usize),
    /// A tag begins, with these attributes.
    Open(&'static str, &'a str),
    /// A tag ends.
    Close(&'static str),
}

/// The first piece, and what follows it.
fn first(html: &str) -> Option<(Piece<'_>, &str)> {
    let c = html.chars().next()?;
    let marked = match c {
        '<' => tag(html),
        '&' => entity(html),
        _ => None,
    };
    marked.or_else(|| Some(plain(html, c)))
}

/// The first character as itself. A quotation mark may stay what it is outside of a tag.
fn plain(html: &str, c: char) -> (Piece<'_>, &str) {
    let (shown, rest) = html.split_at(c.len_utf8());
    let shown = escape(c).filter(|_| c != '"').unwrap_or(shown);
    (Piece::Shown(shown, c.len_utf16()), rest)
}

fn tag(html: &str) -> Option<(Piece<'_>, &str)> {
    let known = |name: &str| TAGS.into_iter().find(|tag| *tag == name);
    let (inside, rest) = html.strip_prefix('<')?.split_once('>')?;
    if let Some(name) = inside.strip_prefix('/') {
        return Some((Piece::Close(known(name)?), rest));
    }
    let (name, attributes) = inside.find(' ').map_or((inside, ""), |end| inside.split_at(end));
    let tag = known(name)?;
    let fits = match tag {
        "a" => is_href(attributes),
        "blockquote" => matches!(attributes, "" | " expandable"),
        _ => attributes.is_empty(),
    };
    fits.then_some((Piece::Open(tag, attributes), rest))
}

fn is_href(attributes: &str) -> bool {
    let url = attributes.strip_prefix(" href=\"").and_then(|url| url.strip_suffix('"'));
    url.is_some_and(|url| !url.contains(['"', '<']))
}

fn entity(html: &str) -> Option<(Piece<'_>, &str)> {
    let (name, rest) = html.strip_prefix('&')?.split_once(';')?;
    let units = match (name, name.strip_prefix('#')) {
        ("amp" | "lt" | "gt" | "quot", _) => 1,
        (_, Some(number)) => numbered(number)?.len_utf16(),
        _ => return None,
    };
    let (whole, _) = html.split_at(html.len() - rest.len());
    Some((Piece::Shown(whole, units), rest))
}

fn numbered(number: &str) -> Option<char> {
    if !number.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let code = match number.strip_prefix('x') {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => number.parse(),
    };
    char::from_u32(code.ok()?).filter(|c| !is_obeyed(*c))
}

/// Markup as it grows: whole after [`finish`](Writer::finish).
#[derive(Default)]
struct Writer {
    html: String,
    units: usize,
    open: Vec<&'static str>,
}

impl Writer {
    /// Takes as much as has room; whether that was all.
    fn fill(&mut self, html: &str, room: Room) -> bool {
        let mut rest = html;
        while let Some((piece, after)) = first(rest) {
            let (piece, after) = match piece {
                // What closes nothing is shown.
                Piece::Close(tag) if self.open.last() != Some(&tag) => plain(rest, '<'),
                piece => (piece, after),
            };
            if !self.take(piece, room) {
                return false;
            }
            rest = after;
        }
        true
    }

    /// Whether there was room. What is open has its room for being closed.
    fn take(&mut self, piece: Piece<'_>, room: Room) -> bool {
        match piece {
            Piece::Shown(shown, units) => {
                let fits = self.has_room(units, shown.len(), room);
                if fits {
                    self.units += units;
                    self.html.push_str(shown);
                }
                fits
            }
            Piece::Open(tag, attributes) => {
                let begin = format!("<{tag}{attributes}>");
                let fits = self.has_room(0, begin.len() + end_of(tag).len(), room);
                if fits {
                    self.html.push_str(&begin);
                    self.open.push(tag);
                }
                fits
            }
            Piece::Close(tag) => {
                self.html.push_str(&end_of(tag));
                self.open.pop();
                true
            }
        }
    }

    fn has_room(&self, units: usize, bytes: usize, room: Room) -> bool {
        let to_close: usize = self.open.iter().map(|tag| end_of(tag).len()).sum();
        self.units + units <= room.units && self.html.len() + to_close + bytes <= room.bytes
    }

    fn finish(mut self) -> String {
        while let Some(tag) = self.open.pop() {
            self.html.push_str(&end_of(tag));
        }
        self.html
    }
}

fn end_of(tag: &str) -> String {
    format!("</{tag}>")
}

#[cfg(test)]
mod tests;
