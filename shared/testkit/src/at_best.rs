//! How fast something can be, on a machine that may be busy with something else.

/// How often it is tried.
const ROUNDS: u32 = 3;

/// Runs `round` until it is as fast as it says it should be, three times at most. Something else on the machine slows
/// one round down; what is slow by itself is slow in all of them.
///
/// What is not a matter of speed belongs into assertions inside the round, which fail at once.
///
/// # Panics
/// If every round was too slow, with what each of them said.
pub async fn at_best(what: &str, round: impl AsyncFn() -> Result<(), String>) {
    let mut slow = Vec::new();
    for _ in 0..ROUNDS {
        match round().await {
            Ok(()) => return,
            Err(why) => slow.push(why),
        }
    }
    panic!("{what}: {}", slow.join("; "));
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn one_fast_round_is_enough() {
        let rounds = Cell::new(0);
        at_best("it is fast", async || {
            rounds.set(rounds.get() + 1);
            if rounds.get() < 3 {
                Err("slow".to_owned())
            } else {
                Ok(())
            }
        })
        .await;
        assert_eq!(rounds.get(), 3);
    }

    #[tokio::test]
    #[should_panic(expected = "it is fast: slow; slow; slow")]
    async fn what_is_always_slow_fails() {
        at_best("it is fast", async || Err("slow".to_owned())).await;
    }
}
