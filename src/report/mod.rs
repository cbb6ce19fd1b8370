//! What a run came to, for people and programs: terminal, JSON and one HTML file; and a plan as
//! a picture.
//!
//! Knows results, events and specs; asks no cloud and no host.

mod by_phase;
mod critical;
mod diagram;
mod figures;
mod html;
mod model;
mod over_time;
mod spans;
mod sparklines;
mod storm;
mod terminal;
mod timeline;

pub use diagram::plan_diagram;
pub use figures::millis;
pub use html::{HtmlError, html};
pub use model::{
    CacheLine, CostItem, CostSummary, DatabaseLine, HostLine, ProofItem, REPORT_FORMAT, Report,
    ReportedEnvironment, SearchLine, SoftwareVersion, Topology, Verdict,
};
pub use spans::{CriticalStep, StepEnd, StepSpan, WaitSpan};
pub use terminal::{Ink, failed_in_short, terminal};
pub use timeline::{PhaseSpan, SkippedStep, Walk, walks};
