//! What a storm consists of, and what comes of it.

/// How the users come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arrivals {
    /// At random times, equally likely over the whole window.
    Random,
    /// One after the other, at equal distances.
    Even,
    /// At random times, few at first, then many, then few: the start of a working day.
    HalfSine,
    /// At random times, most at first, then ever fewer: people who come back after an outage.
    Decay {
        /// Time constant of the exponential, seconds.
        tau: f64,
    },
}

impl Arrivals {
    /// When the user comes before whom a share (0 to 1) of all have come, as a share of a window of so
    /// many seconds.
    pub(crate) fn moment(self, share: f64, window: f64) -> f64 {
        match self {
            Arrivals::Random | Arrivals::Even => share,
            Arrivals::HalfSine => (1.0 - 2.0 * share).acos() / std::f64::consts::PI,
            Arrivals::Decay { tau } => {
                let windows = window / tau.max(f64::MIN_POSITIVE);
                // The inverse of the distribution, cut off at the end of the window.
                let kept = -(-windows).exp_m1();
                -(-share * kept).ln_1p() / windows
            }
        }
    }
}

/// How clients behave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clients {
    /// Seconds for which a client waits for an answer; none waits without end.
    pub patience: Option<f64>,
    /// Seconds after which a client that got none, or was refused, tries again; none never does.
    pub retry_after: Option<f64>,
    /// Seconds that are added to each pause at the most, equally likely from zero on.
    pub jitter: f64,
}

/// Users who log in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Storm {
    /// How many.
    pub users: u32,
    /// Within how many seconds all of them come.
    pub window: f64,
    /// At which moments.
    pub arrivals: Arrivals,
    /// What they do when there is no answer.
    pub clients: Clients,
    /// Seconds after the window at which whoever is not in has given up; infinite if nobody does.
    pub grace: f64,
}

impl Clients {
    /// Seconds after which a client tries again, on average.
    pub(crate) fn mean_pause(&self) -> Option<f64> {
        self.retry_after.map(|pause| pause + self.jitter / 2.0)
    }
}

impl Storm {
    /// Logins per second, without those that are repeated.
    #[must_use]
    pub fn offered(&self) -> f64 {
        f64::from(self.users) / self.window
    }
}

/// How a node checks passwords.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lock {
    /// One at a time, in the order in which they came (Mattermost before 11.8).
    OneAtATime,
    /// Side by side on so many processors, which all share equally.
    Shared {
        /// Processors of a node that logins can take.
        processors: f64,
    },
}

/// The application nodes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nodes {
    /// How many.
    pub count: u32,
    /// Seconds of one processor for each password.
    pub hash: f64,
    /// How they check passwords.
    pub lock: Lock,
}

impl Nodes {
    /// Passwords per second that all nodes can check.
    #[must_use]
    pub fn possible(&self) -> f64 {
        let each = match self.lock {
            Lock::OneAtATime => 1.0,
            Lock::Shared { processors } => processors,
        };
        f64::from(self.count) * each / self.hash
    }
}

/// The login gate: nginx's `limit_req`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gate {
    /// Proxies; clients are spread over them evenly.
    pub proxies: u32,
    /// Logins per second that each proxy lets through.
    pub rate: f64,
    /// Logins that may wait at each proxy; more are refused.
    pub burst: u32,
    /// Logins that each proxy lets be in one node at a time: when all its nodes have as many, more are refused.
    pub in_node: u32,
    /// Each proxy has one node of its own, in place of all of them in turn.
    pub own_node: bool,
    /// Seconds after which a refused client is told to try again, if clients heed it.
    pub retry_after: Option<f64>,
}

/// What the storm meets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rig {
    /// The application nodes.
    pub nodes: Nodes,
    /// The login gate, if there is one.
    pub gate: Option<Gate>,
}

impl Rig {
    /// Logins per second that get through gate and nodes.
    #[must_use]
    pub fn possible(&self) -> f64 {
        let nodes = self.nodes.possible();
        self.gate
            .map_or(nodes, |gate| nodes.min(f64::from(gate.proxies) * gate.rate))
    }

    /// Seconds that a storm takes at the least on such nodes, however it is handled.
    #[must_use]
    pub fn least(&self, storm: &Storm) -> f64 {
        storm
            .window
            .max(f64::from(storm.users) / self.nodes.possible())
    }
}

/// How a storm ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Nobody tries any more: all are in, or have given up.
    Drained,
    /// Not by itself: those who are not in try again faster than they could be served, each is served
    /// when it has gone, and nobody gets in any more.
    Collapsed,
    /// It was not played to its end.
    CutOff,
}

/// What came of one storm.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// Seconds that were played, from the start of the storm.
    pub played: f64,
    /// Users who got in.
    pub logged_in: u32,
    /// Seconds until the last of them was in, from the start of the storm.
    pub last_in: f64,
    /// Attempts that got no answer in time.
    pub unanswered: u64,
    /// Attempts that the gate refused.
    pub refused: u64,
    /// Turns that the gate has given.
    pub turns: u64,
    /// Turns of attempts whose clients had gone.
    pub lost_turns: u64,
    /// Seconds of checking passwords for clients that had gone.
    pub dead_work: f64,
    /// Seconds of checking passwords, all in all.
    pub work: f64,
    /// Seconds until a login would be answered at once again, from the start of the storm; infinite if
    /// that was not seen to come.
    pub recovered: f64,
    /// Seconds from the first attempt of each user who got in until then, sorted.
    pub waits: Vec<f64>,
    /// When users got in, seconds from the start of the storm, sorted: each stands for as many as
    /// any other.
    pub logins: Vec<f64>,
}

impl Outcome {
    /// The same, where an answer takes longer by so many seconds.
    #[must_use]
    pub(crate) fn later(mut self, seconds: f64) -> Self {
        if self.logged_in > 0 {
            self.last_in += seconds;
            self.recovered = self.recovered.max(self.last_in);
        }
        for time in self.waits.iter_mut().chain(&mut self.logins) {
            *time += seconds;
        }
        self
    }

    /// How many users were in after so many seconds.
    #[must_use]
    pub fn in_by(&self, second: f64) -> f64 {
        let before = self.logins.partition_point(|login| *login <= second);
        let all = self.logins.len().max(1);
        f64::from(self.logged_in) * before as f64 / all as f64
    }

    /// A share (0 to 1) of those who got in waited at most so many seconds.
    #[must_use]
    pub fn wait(&self, share: f64) -> Option<f64> {
        let last = self.waits.len().checked_sub(1)?;
        self.waits
            .get((last as f64 * share).round() as usize)
            .copied()
    }
}
