//! What the release names and does not have, judged when every document has been read.

use super::{Mode, Run, Settings};
use crate::check::wiring::{self, Scope};
use crate::inject::network::Facts;

/// Which checks of the wiring are in force.
#[derive(Clone, Copy, Default)]
pub(super) struct Wiring {
    /// Any that looks at one object.
    pub objects: bool,
    /// Any that looks at the whole release.
    pub release: bool,
}

impl Wiring {
    /// By the settings' policies.
    pub fn of(settings: &Settings) -> Wiring {
        let enabled = |policy: &str| settings.enabled(policy);
        Wiring {
            objects: wiring::object_policies().any(enabled),
            release: wiring::release_policies().any(enabled),
        }
    }
}

impl Run<'_, '_> {
    /// Follows every name from object to object.
    pub(super) fn wiring(&mut self, facts: &Facts) {
        if !self.wiring.release {
            return;
        }
        let wires = std::mem::take(&mut self.wires);
        let hooks = wires.hooks || facts.helm4_template.is_some();
        let scope = Scope {
            namespace: self.settings.namespace.as_deref(),
            part: self.part,
            hookless: self.settings.mode == Mode::Harden && !hooks,
        };
        self.report_on(wiring::judge(&wires, facts, &scope));
    }
}
