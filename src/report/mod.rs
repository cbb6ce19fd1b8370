//! What a run came to, for people and programs: terminal, JSON and one HTML file; and a plan as
//! a picture.
//!
//! Knows results, events and specs; asks no cloud and no host.

mod critical;
mod diagram;
mod figures;
mod html;
mod model;
mod terminal;
mod timeline;

pub use diagram::plan_diagram;
pub use html::{HtmlError, html};
pub use model::{
    CacheLine, CostItem, CostSummary, DatabaseLine, EnvironmentSummary, HostLine, ProofItem,
    REPORT_FORMAT, Report, SearchLine, Topology, Verdict, Version,
};
pub use terminal::{Ink, terminal};
pub use timeline::{
    CriticalStep, PhaseSpan, SkippedStep, StepEnd, StepSpan, WaitSpan, Walk, walks,
};
