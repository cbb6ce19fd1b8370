//! When clients are back from what breaks their websockets, as `predict` tells it.

use comfy_table::ContentArrangement;

use crate::cli::format::count;
use crate::cli::printer::table;
use crate::ops::predict::{PredictedReturn, ReturnPrediction};

use super::predicted_text::{TABLE_WIDTH, folded, given, range};

/// The whole answer, of a scenario in which no storm of logins is predicted.
pub(super) fn alone(prediction: &ReturnPrediction) -> String {
    let ReturnPrediction {
        environment,
        scenario,
        users,
        ..
    } = prediction;
    let users = count(*users as usize, "user");
    let mut text = folded(&format!("{users} of `{environment}` in `{scenario}`"));
    text.push('\n');
    text.push_str(&returns(&prediction.returns));
    text
}

/// A table of them, and what they follow from.
pub(super) fn returns(returns: &[PredictedReturn]) -> String {
    let mut table = table();
    table
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(TABLE_WIDTH)
        .set_header([
            "event",
            "lost",
            "99 % connected",
            "last connected",
            "99 % caught up",
            "last caught up",
        ]);
    for one in returns {
        table.add_row([
            one.event.clone(),
            one.lost.to_string(),
            range(one.connected_p99),
            range(one.connected_last),
            range(one.caught_up_p99),
            range(one.caught_up_last),
        ]);
    }
    let mut text = String::new();
    for line in table.to_string().lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push('\n');
    for one in returns {
        text.push_str(&folded(&basis(one)));
    }
    text.push_str(&folded(
        "lost: websockets; times count from the event. Clients try again as the web client does, 3 to 5 s after \
         the loss and each of the next six failures, then after 192 s and more; where the server does not \
         answer at once it takes longer",
    ));
    text
}

fn basis(one: &PredictedReturn) -> String {
    let away = match (one.outage > 0.0, one.is_assumed) {
        (false, _) => String::new(),
        (true, false) => format!("; outage {}", given(one.outage)),
        (true, true) => format!(
            "; the outage of {} is an assumption, `--outage` names another",
            given(one.outage)
        ),
    };
    format!("`{}`: {}{away}", one.event, one.basis)
}
