//! What is promised of whole procedures: false alarms, what is found, agreement with Otava,
//! ceilings.

mod ceilings;
mod comparison;
mod otava;
