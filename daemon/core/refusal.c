/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/refusal.h"

#include <assert.h>

#include "base/enum-text.h"
#include "base/text.h"

static const char *const refusal_code_table[_REFUSAL_CODE_MAX] = {
        [REFUSAL_NONE] = "none",
        [REFUSAL_NO_SUCH_DEVICE] = "no-such-device",
        [REFUSAL_NOT_A_GPU] = "not-a-gpu",
        [REFUSAL_CARD_FAILED] = "card-failed",
        [REFUSAL_PREFAIL_COMPANION] = "prefail-companion",
        [REFUSAL_PREFAIL_NO_COMPANION] = "prefail-no-companion",
        [REFUSAL_GROUP_NOT_VIABLE] = "group-not-viable",
        [REFUSAL_GROUP_TOO_LARGE] = "group-too-large",
        [REFUSAL_NO_IOMMU_GROUP] = "no-iommu-group",
        [REFUSAL_VFIO_MISSING] = "vfio-missing",
        [REFUSAL_SOUND_IN_USE] = "sound-in-use",
        [REFUSAL_DISPLAY_IN_USE] = "display-in-use",
        [REFUSAL_FELLOW_MISSING] = "fellow-missing",
        [REFUSAL_FELLOW_UNFIT] = "fellow-unfit",
        [REFUSAL_FELLOW_IN_USE] = "fellow-in-use",
        [REFUSAL_FELLOW_RESET] = "fellow-reset",
        [REFUSAL_VIRTUAL_FUNCTIONS] = "virtual-functions",
        [REFUSAL_LEASED] = "leased",
        [REFUSAL_LEASED_BY_HAND] = "leased-by-hand",
        [REFUSAL_BUSY] = "busy",
        [REFUSAL_STUCK] = "stuck",
        [REFUSAL_NOT_AUTOMATIC] = "not-automatic",
        [REFUSAL_CONFIGURATION_BROKEN] = "configuration-broken",
        [REFUSAL_LOCKDOWN] = "lockdown",
        [REFUSAL_GOING_DOWN] = "going-down",
        [REFUSAL_MSIX_ENABLED] = "msix-enabled",
        [REFUSAL_STORE] = "store",
        [REFUSAL_STEP_FAILED] = "step-failed",
        [REFUSAL_TIMED_OUT] = "timed-out",
        [REFUSAL_TURNED_ROUND] = "turned-round",
        [REFUSAL_NO_RESET_BY_HAND] = "no-reset-by-hand",
        [REFUSAL_RESET_HOST_DRIVER] = "reset-host-driver",
        [REFUSAL_PLAN_TOO_LONG] = "plan-too-long",
        [REFUSAL_INHIBITED] = "inhibited",
        [REFUSAL_GOING_TO_SLEEP] = "going-to-sleep",
        [REFUSAL_RECOVERY_UNLISTED] = "recovery-unlisted",
        [REFUSAL_SUSPEND_NOT_NEEDED] = "suspend-not-needed",
        [REFUSAL_SUSPEND_IMPOSSIBLE] = "suspend-impossible",
        [REFUSAL_SUSPEND_FAILED] = "suspend-failed",
        [REFUSAL_SUSPEND_NO_HELP] = "suspend-no-help",
        [REFUSAL_NOT_MANAGED] = "not-managed",
};

const char *refusal_code_to_string(RefusalCode code) {
        assert(code >= 0 && code < _REFUSAL_CODE_MAX);
        return refusal_code_table[code];
}

int refusal_set(Refusal *refusal, RefusalCode code, PciAddress address, const char *subject, const char *detail) {
        *refusal = (Refusal){ .code = code, .address = address, .state = _RESET_STATE_INVALID };
        (void) text_format(refusal->subject, sizeof(refusal->subject), "%s", subject ?: "");
        (void) text_format(refusal->detail, sizeof(refusal->detail), "%s", detail ?: "");
        return E_REFUSED;
}
