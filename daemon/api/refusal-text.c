/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One entry per code: the D-Bus error, the reason, and the ways out. %A is the address, %S subject, %D detail, %R state. */

#include "api/refusal-text.h"

#include <assert.h>

#include "base/address.h"
#include "base/enum-text.h"
#include "base/text.h"
#include "gpuswitch/names.h"

typedef struct RefusalWords {
        const char *error;
        const char *text;
} RefusalWords;

#define GUARD_MODULE_HELP                                                                                          \
        "load that module: modprobe gpuswitch-guard (how to install it, and to enrol its key under Secure Boot, is in the README " \
        "of /usr/src/gpuswitch-guard-*)"

static const RefusalWords words[_REFUSAL_CODE_MAX] = {
        [REFUSAL_NONE] = { GPUSWITCH_ERROR_FAILED, "no reason was recorded" },
        [REFUSAL_NO_SUCH_DEVICE] = { GPUSWITCH_ERROR_NO_SUCH_GPU,
                "There is no PCI device %A on this machine.\n"
                "See `gpuswitchctl list` for the GPUs, and correct the address in the domain XML (virsh edit)." },
        [REFUSAL_NOT_A_GPU] = { GPUSWITCH_ERROR_NO_SUCH_GPU,
                "PCI device %A is not a GPU.\nSee `gpuswitchctl list` for the GPUs of this machine." },
        [REFUSAL_CARD_FAILED] = { GPUSWITCH_ERROR_REFUSED,
                "GPU %A is in state failed: it does not answer on the bus (configuration space reads all ones, or a "
                "reset did not bring it back).\n"
                "Shut the machine down and switch the power off for some seconds; a warm reboot is often not enough. "
                "`gpuswitchctl log %A` shows what led to it." },
        [REFUSAL_PREFAIL_COMPANION] = { GPUSWITCH_ERROR_REFUSED,
                "GPU %G is in state %R: the bus reset that comes with the virtual machine's start would lose the card "
                "until power-off, and nothing can prevent it while the domain XML lists its function %A and the kernel module "
                "gpuswitch-guard is not loaded.\n"
                "Ways out: delete the <hostdev> of %A from the domain XML (virsh edit), gpuswitch then guards the card "
                "by that function; or " GUARD_MODULE_HELP "; or set \"return\": \"stay\" for this card in "
                "/etc/gpuswitch/policy.d and start from a fresh card (after power-off, or a deep suspend that takes its power), so "
                "that it waits on vfio-pci between two starts." },
        [REFUSAL_PREFAIL_NO_COMPANION] = { GPUSWITCH_ERROR_REFUSED,
                "GPU %A is in state %R: the bus reset that comes with the virtual machine's start would lose the card "
                "until power-off, a card with a single function has no companion to guard it by, and the kernel module gpuswitch-guard "
                "is not loaded.\n"
                "Ways out: " GUARD_MODULE_HELP "; or switch the power off and on, or suspend the machine deeply, to have a fresh "
                "card, and set \"return\": \"stay\" for it in /etc/gpuswitch/policy.d, so that it waits on vfio-pci between two "
                "starts." },
        [REFUSAL_GROUP_NOT_VIABLE] = { GPUSWITCH_ERROR_REFUSED,
                "The IOMMU group of the GPU also holds %A, which the host uses through driver %S.\n"
                "Give that device to vfio-pci or pci-stub as well, or put the GPU into a slot with a group of its own." },
        [REFUSAL_GROUP_TOO_LARGE] = { GPUSWITCH_ERROR_REFUSED,
                "The IOMMU group of GPU %A has more than %S other devices, which is more than gpuswitch looks at, so it "
                "cannot tell whether the host uses one of them.\n"
                "Put the GPU into a slot with a group of its own." },
        [REFUSAL_NO_IOMMU_GROUP] = { GPUSWITCH_ERROR_REFUSED,
                "%A is in no IOMMU group, so no virtual machine can have it.\n"
                "Switch the IOMMU on in the firmware (VT-d, AMD-Vi) and boot with intel_iommu=on on Intel." },
        [REFUSAL_VFIO_MISSING] = { GPUSWITCH_ERROR_REFUSED,
                "The driver vfio-pci is not loaded, so GPU %A cannot go to a virtual machine.\n"
                "Load it: modprobe vfio-pci (systemctl start modprobe@vfio_pci.service)." },
        [REFUSAL_SOUND_IN_USE] = { GPUSWITCH_ERROR_REFUSED,
                "The sound device of the GPU (%A) is in use: %S.\n"
                "Its driver could not let go of it. Stop that program, or let it use another sound device, and try again." },
        [REFUSAL_DISPLAY_IN_USE] = { GPUSWITCH_ERROR_REFUSED,
                "GPU %A is in use: %S.\n"
                "Stop that program and try again, or allow it by \"allow\": [\"holders\"] in /etc/gpuswitch/policy.d." },
        [REFUSAL_FELLOW_MISSING] = { GPUSWITCH_ERROR_REFUSED,
                "%A should go along with the GPU (\"with\" in /etc/gpuswitch/policy.d), and there is no such device on this machine.\n"
                "Correct the address (lspci -D), delete it from \"with\", or plug the device in." },
        [REFUSAL_FELLOW_UNFIT] = { GPUSWITCH_ERROR_REFUSED,
                "%A should go along with the GPU (\"with\" in /etc/gpuswitch/policy.d), and cannot: %S.\n"
                "Delete it from \"with\"." },
        [REFUSAL_FELLOW_IN_USE] = { GPUSWITCH_ERROR_REFUSED,
                "%A should go along with the GPU (\"with\" in /etc/gpuswitch/policy.d), and the host uses it: %S.\n"
                "Unmount or stop that first, or delete the device from \"with\"." },
        [REFUSAL_FELLOW_RESET] = { GPUSWITCH_ERROR_REFUSED,
                "%A should go along with the GPU (\"with\" in /etc/gpuswitch/policy.d), and a virtual machine would reset it in a way "
                "that can lose it: %S (%D).\n"
                "Delete it from \"with\"." },
        [REFUSAL_VIRTUAL_FUNCTIONS] = { GPUSWITCH_ERROR_REFUSED,
                "%A has virtual functions enabled; unbinding it would take them from whoever uses them.\n"
                "Write 0 to its sriov_numvfs first." },
        [REFUSAL_LEASED] = { GPUSWITCH_ERROR_REFUSED,
                "GPU %A belongs to virtual machine '%S' (%D).\nShut that virtual machine down first." },
        [REFUSAL_LEASED_BY_HAND] = { GPUSWITCH_ERROR_REFUSED,
                "GPU %A was given to the guests by hand.\nBring it home first: gpuswitchctl to-host %A." },
        [REFUSAL_BUSY] = { GPUSWITCH_ERROR_BUSY,
                "GPU %A is busy: %S%D.\nTry again when that is done; `gpuswitchctl monitor` shows it." },
        [REFUSAL_STUCK] = { GPUSWITCH_ERROR_STUCK,
                "GPU %A is stuck: %S has not come back (%D).\n"
                "A driver that hangs in the kernel cannot be ended from outside. `gpuswitchctl explain %A` says what is known "
                "to help; if nothing does, save your work, shut down, and hold the power button at the end." },
        [REFUSAL_NOT_AUTOMATIC] = { GPUSWITCH_ERROR_REFUSED,
                "Policy says \"automatic\": false for GPU %A, and it is not with the guests.\n"
                "Hand it over first: gpuswitchctl to-guest %A." },
        [REFUSAL_CONFIGURATION_BROKEN] = { GPUSWITCH_ERROR_REFUSED,
                "%S cannot be used, so GPU %A is not switched automatically.\n"
                "`gpuswitchctl status` names file and place of the fault. Mend it and run `systemctl reload gpuswitchd`, or "
                "switch by hand: gpuswitchctl to-guest %A." },
        [REFUSAL_LOCKDOWN] = { GPUSWITCH_ERROR_REFUSED,
                "The kernel is locked down (Secure Boot), so the configuration space of %A cannot be written and the reset "
                "that this card needs cannot run.\n"
                "Boot without lockdown, or allow a start without the reset by \"allow\": [\"lockdown\"] in "
                "/etc/gpuswitch/policy.d." },
        [REFUSAL_GOING_DOWN] = { GPUSWITCH_ERROR_REFUSED,
                "The system is going down, so GPU %A is not switched any more." },
        [REFUSAL_MSIX_ENABLED] = { GPUSWITCH_ERROR_REFUSED,
                "MSI-X is enabled on %A: a reset now would lose its interrupt vectors.\n"
                "Whoever uses the device has to let it go first." },
        [REFUSAL_STORE] = { GPUSWITCH_ERROR_FAILED,
                "The switch of GPU %A could not be recorded in /var/lib/gpuswitch (%S), so it was not begun.\n"
                "Make room on the disk, or make the folder writable, and try again. A service that was started while the folder was "
                "read-only keeps it so: systemctl restart gpuswitchd." },
        [REFUSAL_STEP_FAILED] = { GPUSWITCH_ERROR_FAILED, "Could not %S: %D." },
        [REFUSAL_TIMED_OUT] = { GPUSWITCH_ERROR_FAILED,
                "GPU %A was not ready in time (%S).\nSee `gpuswitchctl status %A`, and try again." },
        [REFUSAL_TURNED_ROUND] = { GPUSWITCH_ERROR_BUSY,
                "GPU %A was on its way home and is wanted by virtual machine '%S' again." },
        [REFUSAL_NO_RESET_BY_HAND] = { GPUSWITCH_ERROR_REFUSED,
                "No reset of GPU %A (family %S) can run: %D.\n"
                "`gpuswitchctl quirks match %A` shows which resets its family has, and what each of them needs." },
        [REFUSAL_RESET_HOST_DRIVER] = { GPUSWITCH_ERROR_REFUSED,
                "GPU %A is not reset under its driver %S.\n"
                "Send it to the guests first (`gpuswitchctl to-guest %A`), which resets it where its family needs that." },
        [REFUSAL_PLAN_TOO_LONG] = { GPUSWITCH_ERROR_FAILED,
                "The switch of GPU %A would need more steps than a plan can hold." },
        [REFUSAL_INHIBITED] = { GPUSWITCH_ERROR_REFUSED,
                "GPU %A is held back by %S: %D.\n"
                "Wait until that program is done, or end it, and try again; `gpuswitchctl inhibit --list` shows all of them." },
        [REFUSAL_GOING_TO_SLEEP] = { GPUSWITCH_ERROR_REFUSED,
                "The machine is going to sleep, so GPU %A is not switched now.\n"
                "Try again when it is awake." },
        [REFUSAL_RECOVERY_UNLISTED] = { GPUSWITCH_ERROR_REFUSED,
                "GPU %A is not recovered by %S: the quirk file of its family does not list that.\n"
                "`gpuswitchctl quirks match %A` shows what it lists; a file in /etc/gpuswitch/quirks.d can list more." },
        [REFUSAL_SUSPEND_NOT_NEEDED] = { GPUSWITCH_ERROR_REFUSED,
                "GPU %A is in state %R, which a suspend would not make any better." },
        [REFUSAL_SUSPEND_IMPOSSIBLE] = { GPUSWITCH_ERROR_REFUSED,
                "The machine cannot be suspended for GPU %A: %S.\n"
                "Another way out is to switch the power off for some seconds." },
        [REFUSAL_SUSPEND_FAILED] = { GPUSWITCH_ERROR_FAILED,
                "The machine was not suspended for GPU %A: %S.\n"
                "`systemd-inhibit --list` shows who keeps it awake. Another way out is to switch the power off for some seconds." },
        [REFUSAL_SUSPEND_NO_HELP] = { GPUSWITCH_ERROR_FAILED,
                "The machine was suspended and is awake again, but GPU %A is not fresh: %S.\n"
                "A GPU that has left the bus comes back only when it is removed (echo 1 > "
                "/sys/bus/pci/devices/%A/remove), the machine suspended, and its bus read again (echo 1 > /sys/bus/pci/rescan); "
                "else switch the power off for some seconds." },
        [REFUSAL_NOT_MANAGED] = { GPUSWITCH_ERROR_FAILED,
                "gpuswitchd does not look after GPU %A: %S.\n"
                "Without it the start could lose the GPU. The journal says more: journalctl -u gpuswitchd." },
};

const char *refusal_error_name(RefusalCode code) {
        assert(code >= 0 && code < _REFUSAL_CODE_MAX);
        return words[code].error;
}

const char *refusal_text(const Refusal *refusal, char *buffer, size_t size) {
        PciAddress display = refusal->address;

        display.function = 0;
        buffer[0] = '\0';
        for (const char *p = words[refusal->code].text; *p; p++) {
                if (*p != '%') {
                        (void) text_append(buffer, size, "%c", *p);
                        continue;
                }
                switch (*++p) {
                case 'A':
                        (void) text_append(buffer, size, "%s", ADDRESS_TEXT(refusal->address));
                        break;
                case 'G':
                        (void) text_append(buffer, size, "%s", ADDRESS_TEXT(display));
                        break;
                case 'S':
                        (void) text_append(buffer, size, "%s", refusal->subject);
                        break;
                case 'D':
                        (void) text_append(buffer, size, "%s", refusal->detail);
                        break;
                case 'R':
                        (void) text_append(buffer, size, "%s",
                                           refusal->state >= 0 ? reset_state_to_string(refusal->state) : "unknown");
                        break;
                default:
                        assert(!"unknown placeholder");
                }
        }
        return buffer;
}

const char *refusal_sentence(const Refusal *refusal, char *buffer, size_t size) {
        char *end = strchr(refusal_text(refusal, buffer, size), '\n');

        if (end)
                *end = '\0';
        return buffer;
}
