//! Random numbers that come again: by a seed, which is printed, and can be given to a test that failed.

/// SplitMix64.
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
}

impl Random {
    /// From this seed, or from `TORTURE_SEED` of the environment; says which.
    pub fn seeded(seed: u64) -> Self {
        let given = std::env::var("TORTURE_SEED").ok().and_then(|text| text.parse().ok());
        let state = given.unwrap_or(seed);
        println!("seed: TORTURE_SEED={state}");
        Self { state }
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// The same, of bytes in memory.
    pub fn size(&mut self, end: u32) -> usize {
        usize::try_from(self.below(u64::from(end))).expect("32 bits at most")
    }

    /// True once in so many times.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}
