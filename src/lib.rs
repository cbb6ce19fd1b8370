//! loadrig: declarative Mattermost load-test rigs and gold-standard deployments on AWS.
