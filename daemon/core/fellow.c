/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * gpuswitch resets no fellow itself: a guest does, through vfio-pci. So the question is which resets the kernel would offer. Where
 * a bus reset is forbidden it must not be in the kernel's list at all: taking it out of `reset_method` does not keep QEMU from
 * the hot reset, which is one (VFIO_DEVICE_PCI_HOT_RESET), while a device that the kernel knows it of is spared both
 * (PCI_DEV_FLAGS_NO_BUS_RESET, pci_bus_resettable()).
 */

#include "core/fellow.h"

#include "base/address.h"
#include "base/text.h"

const FellowRule *fellow_rule(const Rule *rule, PciAddress address) {
        for (size_t i = 0; i < rule->n_fellows; i++)
                if (address_equal(rule->fellows[i].address, address))
                        return &rule->fellows[i];
        return NULL;
}

const char *fellow_method(const FellowRule *rule, const FunctionFacts *function) {
        const char *offered = function->survey.reset_method;

        switch (rule->reset) {
        case DEVICE_RESET_KERNEL:
                return reset_method_offered(offered, "device_specific") ? "device_specific" : "";
        case DEVICE_RESET_FLR:
                return reset_method_offered(offered, "flr") ? "flr" : reset_method_offered(offered, "af_flr") ? "af_flr" : "";
        case DEVICE_RESET_UNKNOWN:
        case DEVICE_RESET_NONE:
        case _DEVICE_RESET_MAX:
        case _DEVICE_RESET_INVALID:
                break;
        }
        return "";
}

/* NULL: no reset that the kernel offers loses it. */
static const char *reset_problem(const FellowRule *rule, const FunctionFacts *function, char *buffer, size_t size) {
        const char *offered = function->survey.reset_method;
        bool needs_own = rule->reset == DEVICE_RESET_KERNEL || rule->reset == DEVICE_RESET_FLR;

        if (needs_own && isempty(fellow_method(rule, function)))
                (void) text_format(buffer, size, "it (%s) must be reset by %s only, and the kernel offers %s%s%s", rule->device,
                                   rule->reset == DEVICE_RESET_KERNEL ? "the kernel's own method (device_specific)"
                                                                      : "a function level reset (flr)",
                                   isempty(offered) ? "none" : "'", offered, isempty(offered) ? "" : "'");
        else if (!needs_own && rule->bus_reset_forbidden && (reset_method_offered(offered, "bus") || reset_method_offered(offered, "cxl_bus")))
                (void) text_format(buffer, size, "it (%s) must not get a bus reset, and the kernel offers '%s'", rule->device,
                                   offered);
        else
                return NULL;
        return buffer;
}

static const char *unfit(const Fellow *fellow) {
        if (fellow->function.class_code >> 16 == PCI_BASE_CLASS_BRIDGE)
                return "it is a bridge, and what is behind it would go with it";
        if (fellow->function.class_code >> 16 == PCI_BASE_CLASS_DISPLAY)
                return "it is a display device, and a GPU is switched by itself";
        if (fellow->is_of_card)
                return "it is a function of another GPU, and goes with that";
        return fellow->function.survey.config_dead ? "it does not answer on the bus" : NULL;
}

static const Fellow *fellow_find(const CardFacts *card, PciAddress address) {
        for (size_t i = 0; i < card->n_fellows; i++)
                if (address_equal(card->fellows[i].function.address, address))
                        return &card->fellows[i];
        return NULL;
}

static int check_one(const Fellow *fellow, const FellowRule *rule, Refusal *reterr_refusal) {
        const FunctionFacts *function = &fellow->function;
        char buffer[256];

        const char *problem = unfit(fellow);
        if (problem)
                return refusal_set(reterr_refusal, REFUSAL_FELLOW_UNFIT, function->address, problem, NULL);
        if (driver_is_host(function->driver) && !isempty(fellow->host_use))
                return refusal_set(reterr_refusal, REFUSAL_FELLOW_IN_USE, function->address, fellow->host_use, NULL);
        problem = reset_problem(rule, function, buffer, sizeof(buffer));
        if (problem)
                return refusal_set(reterr_refusal, REFUSAL_FELLOW_RESET, function->address, problem, rule->source);
        return 0;
}

int fellow_check(const CardFacts *card, const Rule *rule, Refusal *reterr_refusal) {
        for (size_t i = 0; i < card->n_lost_fellows; i++)
                if (fellow_rule(rule, card->lost_fellows[i]))
                        return refusal_set(reterr_refusal, REFUSAL_FELLOW_MISSING, card->lost_fellows[i], NULL, NULL);
        for (size_t i = 0; i < rule->n_fellows; i++) {
                const Fellow *fellow = fellow_find(card, rule->fellows[i].address);
                if (!fellow)
                        return refusal_set(reterr_refusal, REFUSAL_FELLOW_UNFIT, rule->fellows[i].address,
                                           "others are away with the card by an earlier policy; bring it home first", NULL);
                int r = check_one(fellow, &rule->fellows[i], reterr_refusal);
                if (r != 0)
                        return r;
        }
        return 0;
}
