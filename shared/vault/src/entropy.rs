//! Randomness as an argument, so that tests are exact.

use zeroize::Zeroizing;

/// A source of unpredictable bytes; [`SystemEntropy`] outside tests.
pub trait Entropy {
    /// Overwrites `out` with fresh bytes.
    fn fill(&mut self, out: &mut [u8]);
}

/// The operating system's generator.
///
/// Panics if the system has none to give: a key made without randomness would be worse than a crash.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&mut self, out: &mut [u8]) {
        getrandom::fill(out).expect("the operating system provides randomness");
    }
}

/// Draws `N` fresh bytes, for salts and the like; keys are made by their own types.
pub fn random<const N: usize>(entropy: &mut dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}

/// Draws a 256-bit key that is wiped when dropped.
pub(crate) fn random_key(entropy: &mut dyn Entropy) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    entropy.fill(key.as_mut());
    key
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Counts up from a start, so that known answers stay known.
    pub(crate) struct Counting(pub(crate) u8);

    impl Entropy for Counting {
        fn fill(&mut self, out: &mut [u8]) {
            for byte in out {
                *byte = self.0;
                self.0 = self.0.wrapping_add(1);
            }
        }
    }

    #[test]
    fn the_system_gives_different_bytes_each_time() {
        assert_ne!(random::<32>(&mut SystemEntropy), random::<32>(&mut SystemEntropy));
    }
}
