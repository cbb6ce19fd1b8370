//! The durations that scenarios contain: how each is written, its bounds and an example.

use schemars::{Schema, SchemaGenerator, json_schema};

use crate::spec::{DURATION, LONGEST, SHORTEST};

/// The schema of a duration, with the shortest and longest that is allowed, and an example.
macro_rules! duration {
    ($name:ident, $shortest:literal, $longest:literal, $example:literal) => {
        pub(super) fn $name(_: &mut SchemaGenerator) -> Schema {
            json_schema!({
                "type": "string",
                "format": DURATION,
                "examples": [$example],
                SHORTEST: $shortest,
                LONGEST: $longest,
            })
        }
    };
}

duration!(up_to_a_day, "1s", "24h", "3m");
duration!(up_to_an_hour, "1s", "1h", "30s");
duration!(up_to_ten_minutes, "1s", "10m", "10s");
duration!(latency, "1ms", "10m", "500ms");
duration!(phase, "1s", "24h", "15m");
duration!(none_up_to_an_hour, "0s", "1h", "3s");
duration!(wait, "100ms", "1h", "10s");
duration!(limit, "1ms", "24h", "20m");
