//! Chance that can be repeated.

/// A small generator (xorshift), so that a failure can be repeated by its seed.
pub struct Dice(pub u64);

impl Dice {
    /// A number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }

    /// One of these; none if there are none.
    pub fn pick<'t, T>(&mut self, among: &'t [T]) -> Option<&'t T> {
        let count = among.len() as u64;
        (count > 0).then(|| &among[self.below(count) as usize])
    }
}
