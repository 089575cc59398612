//! A small generator of pseudo-random numbers: SplitMix64. Written here because its numbers must
//! never change with the version of a crate; nothing here is secret.

/// One stream of numbers.
#[derive(Debug, Clone)]
pub(super) struct Random {
    state: u64,
}

impl Random {
    /// The stream of a seed and a place, independent of the streams of other places.
    pub(super) fn new(seed: u64, place: u64) -> Self {
        let mut random = Self { state: seed };
        let mixed = random.next() ^ place.wrapping_mul(0xA076_1D64_78BD_642F);
        Self { state: mixed }
    }

    /// The next number.
    pub(super) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below a bound; 0 when the bound is 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        let scaled = (u128::from(self.next()) * u128::from(bound)) >> 64;
        u64::try_from(scaled).expect("a product with a fraction below one fits")
    }

    /// A number from low to high, both included; low when they are the wrong way round.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = u64::try_from(high.saturating_sub(low)).unwrap_or(0).saturating_add(1);
        let above = i64::try_from(self.below(span)).unwrap_or(0);
        low.saturating_add(above)
    }

    /// True so many times in a thousand.
    pub(super) fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// One of a list.
    pub(super) fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        let length = u64::try_from(list.len()).unwrap_or(u64::MAX);
        let place = usize::try_from(self.below(length)).unwrap_or(0);
        list.get(place)
    }

    /// Sixteen bytes.
    pub(super) fn bytes(&mut self) -> [u8; 16] {
        let both = (u128::from(self.next()) << 64) | u128::from(self.next());
        both.to_be_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_published_algorithm() {
        let mut random = Random { state: 1_234_567 };
        let seen: Vec<u64> = (0..3).map(|_| random.next()).collect();
        assert_eq!(
            seen,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn bounds_hold_and_both_ends_are_reached() {
        let mut random = Random::new(7, 0);
        let mut seen = [false; 5];
        for _ in 0..1000 {
            let number = random.between(-2, 2);
            seen[usize::try_from(number + 2).unwrap()] = true;
        }
        assert_eq!(seen, [true; 5]);
        assert_eq!(random.below(0), 0);
        assert_eq!(random.between(3, 3), 3);
        assert_eq!(random.between(3, 1), 3);
        assert_eq!(random.pick::<u8>(&[]), None);
    }

    #[test]
    fn places_have_streams_of_their_own() {
        let first = |seed, place| Random::new(seed, place).next();
        assert_ne!(first(1, 0), first(1, 1));
        assert_ne!(first(1, 0), first(2, 0));
    }
}
