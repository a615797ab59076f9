// SPDX-License-Identifier: GPL-2.0
/*
 * What a scenario reads and turns: /sys/kernel/debug/cardmodel/ for card 1, cardmodel/card2/ for card 2.
 * Counters can be written too, so that a scenario counts from where it begins.
 */
#include <linux/uaccess.h>

#include "cardmodel.h"

static struct dentry *root;

static struct cm_card *card_of(struct file *file)
{
	return file_inode(file)->i_private;
}

static ssize_t show_name(char __user *to, size_t count, loff_t *ppos, const char *name)
{
	char text[16];
	int length = scnprintf(text, sizeof(text), "%s\n", name);

	return simple_read_from_buffer(to, count, ppos, text, length);
}

/* The position in names of what was written, or a negative errno. */
static int take_name(const char __user *from, size_t count, const char *const *names, int n)
{
	char text[16] = "";

	if (count >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, from, count))
		return -EFAULT;
	return __sysfs_match_string(names, n, text);
}

static ssize_t state_read(struct file *file, char __user *to, size_t count, loff_t *ppos)
{
	return show_name(to, count, ppos, cm_state_names[READ_ONCE(card_of(file)->state)]);
}

static ssize_t state_write(struct file *file, const char __user *from, size_t count, loff_t *ppos)
{
	struct cm_card *card = card_of(file);
	int state = take_name(from, count, cm_state_names, CM_STATES);
	unsigned long flags;

	if (state < 0)
		return state;
	raw_spin_lock_irqsave(&card->lock, flags);
	cm_card_set_state(card, state, "by hand");
	raw_spin_unlock_irqrestore(&card->lock, flags);
	return count;
}

static ssize_t temper_read(struct file *file, char __user *to, size_t count, loff_t *ppos)
{
	return show_name(to, count, ppos, cm_temper_names[READ_ONCE(card_of(file)->temper)]);
}

static ssize_t temper_write(struct file *file, const char __user *from, size_t count, loff_t *ppos)
{
	int temper = take_name(from, count, cm_temper_names, CM_TEMPERS);

	if (temper < 0)
		return temper;
	WRITE_ONCE(card_of(file)->temper, temper);
	return count;
}

static const struct file_operations state_fops = { .read = state_read, .write = state_write, .llseek = default_llseek };
static const struct file_operations temper_fops = { .read = temper_read, .write = temper_write, .llseek = default_llseek };

static int hang_get(void *data, u64 *value)
{
	*value = (s64)READ_ONCE(((struct cm_card *)data)->hang_remove);
	return 0;
}

static int hang_set(void *data, u64 value)
{
	struct cm_card *card = data;

	WRITE_ONCE(card->hang_remove, (s32)value);
	wake_up_all(&card->hang_queue);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE_SIGNED(hang_fops, hang_get, hang_set, "%lld\n");

static int fail_set(void *data, u64 value)
{
	struct cm_card *card = data;
	unsigned long flags;

	if (value != 1)
		return -EINVAL;
	raw_spin_lock_irqsave(&card->lock, flags);
	cm_card_set_state(card, CM_FAILED, "by hand");
	raw_spin_unlock_irqrestore(&card->lock, flags);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(fail_fops, NULL, fail_set, "%llu\n");

static int power_cycle_set(void *data, u64 value)
{
	struct cm_card *card = data;
	unsigned long flags;
	int ret;

	if (value != 1)
		return -EINVAL;
	raw_spin_lock_irqsave(&card->lock, flags);
	ret = cm_card_power_cycle(card);
	raw_spin_unlock_irqrestore(&card->lock, flags);
	return ret;
}
DEFINE_DEBUGFS_ATTRIBUTE(power_cycle_fops, NULL, power_cycle_set, "%llu\n");

static void create_card(struct cm_card *card, struct dentry *dir)
{
	debugfs_create_file("state", 0600, dir, card, &state_fops);
	debugfs_create_file("temper", 0600, dir, card, &temper_fops);
	debugfs_create_file("hang_remove", 0600, dir, card, &hang_fops);
	debugfs_create_file("fail", 0200, dir, card, &fail_fops);
	debugfs_create_file("power_cycle", 0200, dir, card, &power_cycle_fops);
	debugfs_create_u32("fail_probe", 0600, dir, &card->fail_probe);
	debugfs_create_u32("bus_resets", 0600, dir, &card->bus_resets);
	debugfs_create_u32("bus_resets_in_prefail", 0600, dir, &card->bus_resets_in_prefail);
	debugfs_create_u32("config_resets", 0600, dir, &card->config_resets);
	debugfs_create_u32("config_resets_before_driver", 0600, dir, &card->config_resets_before_driver);
	debugfs_create_u32("binds", 0600, dir, &card->binds);
	debugfs_create_u32("binds_unrestored", 0600, dir, &card->binds_unrestored);
	debugfs_create_u32("guest_starts", 0600, dir, &card->guest_starts);
	debugfs_create_u32("guest_starts_unreset", 0600, dir, &card->guest_starts_unreset);
	debugfs_create_u32("guest_boots", 0600, dir, &card->guest_boots);
}

void cm_debugfs_create(void)
{
	root = debugfs_create_dir("cardmodel", NULL);
	create_card(&cm_cards[0], root);
	create_card(&cm_cards[1], debugfs_create_dir("card2", root));
}

void cm_debugfs_remove(void)
{
	debugfs_remove_recursive(root);
}
