/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Resets of one function, and the attribute that says which of them the kernel tries (drivers/pci/pci.c, pci-sysfs.c). */

#include "machine.h"

#include <string.h>

static bool lists(const char *methods, const char *word, size_t n) {
        for (const char *at = methods; *at; at += strcspn(at, " "), at += *at == ' ')
                if (strcspn(at, " ") == n && strncmp(at, word, n) == 0)
                        return true;
        return false;
}

/* pci_parent_bus_reset(): not with another function on the bus. */
static bool alone_on_bus(const Function *function) {
        const Card *card = function->card;

        for (unsigned i = 0; card && i < card->n_functions; i++)
                if (&card->functions[i] != function && card->functions[i].folder)
                        return false;
        return card != NULL;
}

static bool supports(const Function *function, const char *word, size_t n) {
        if (function->card && function->card->fellow)
                return lists(function->card->offered, word, n);
        return n == strlen("bus") && strncmp(word, "bus", n) == 0 && alone_on_bus(function);
}

void reset_methods_init(Function *function) {
        const char *all = function->card && function->card->fellow ? function->card->offered : "bus";

        (void) snprintf(function->reset_methods, sizeof(function->reset_methods), "%s",
                        supports(function, all, strcspn(all, " ")) ? all : "");
}

/* reset_method_store(): each name is probed before any is taken. */
int reset_methods_set(Function *function, const char *value) {
        char taken[SIM_METHODS_SIZE] = "";
        size_t used = 0, n = strcspn(value, "\n");

        if (value[n] == '\n' && value[n + 1] != '\0')
                return -EINVAL;
        if (n == strlen("default") && strncmp(value, "default", n) == 0) {
                reset_methods_init(function);
                return 0;
        }
        for (const char *at = value; at < value + n;) {
                size_t word = strcspn(at, " \n");
                if (word > 0 && (!supports(function, at, word) || used + word + 2 > sizeof(taken)))
                        return -EINVAL;
                if (word > 0)
                        used += (size_t) snprintf(taken + used, sizeof(taken) - used, "%s%.*s", used > 0 ? " " : "", (int) word, at);
                at += word + (at[word] == ' ');
        }
        memcpy(function->reset_methods, taken, sizeof(taken));
        return 0;
}

int function_reset(Function *function) {
        if (function->card && function->card->fellow)
                return fellow_reset(function);
        if (function->reset_methods[0] == '\0' || !alone_on_bus(function))
                return -ENOTTY;
        cm_card_bus_reset(&function->card->model);
        return 0;
}
