//! Chance that can be repeated: everything a day is made of is drawn from its seed.

/// SplitMix64, <https://prng.di.unimi.it/splitmix64.c>: small, even, and the same on every machine.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    pub fn of(seed: u64) -> Self {
        Self(seed)
    }

    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// From zero up to but not `limit`, which is more than zero.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.draw() % limit
    }

    /// Both ends can be drawn.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub fn pick<T: Clone>(&mut self, among: &[T]) -> T {
        let at = usize::try_from(self.below(among.len() as u64)).unwrap();
        among[at].clone()
    }
}

/// A number that belongs to these numbers, however many others were drawn before.
pub fn number_of(parts: &[u64]) -> u64 {
    parts.iter().fold(0, |so_far, part| mix(so_far ^ mix(part.wrapping_add(0x9e37_79b9_7f4a_7c15))))
}

fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
