/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Making a persistent tap device, which rtnetlink cannot. */
#include "plugins/tap_device.h"

#include "cleanup.h"
#include "exec.h"
#include "fault.h"
#include "netns.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#define HELPER_ENV "HAWSER_TAP_DEVICE"

/* In the current network namespace. The device stays when the last descriptor is closed. */
static int create_here(const struct tap_device *dev)
{
	autoclose int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	/* EXCL: never become the user of a device that is there already */
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL };
	int r;

	if (fd < 0)
		return -errno;
	if (dev->multi_queue)
		ifr.ifr_flags |= IFF_MULTI_QUEUE;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", dev->name);
	r = fault_step("create the tap device");
	if (r == 0 && ioctl(fd, TUNSETIFF, &ifr) < 0)
		r = errno == EBUSY ? -EEXIST : -errno;
	if (r == 0 && dev->owner >= 0 && ioctl(fd, TUNSETOWNER, (unsigned long)dev->owner) < 0)
		r = errno == EINVAL ? -EDOM : -errno;
	if (r == 0 && dev->group >= 0 && ioctl(fd, TUNSETGROUP, (unsigned long)dev->group) < 0)
		r = errno == EINVAL ? -EDOM : -errno;
	if (r == 0)
		r = fault_step("make the tap device persistent");
	if (r == 0 && ioctl(fd, TUNSETPERSIST, 1UL) < 0)
		r = -errno;
	return r;
}

/* The context of the next program this process runs; its children inherit the setting. */
static int set_exec_context(const char *context)
{
	autoclose int fd = open("/proc/self/attr/exec", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return write(fd, context, context ? strlen(context) + 1 : 0) < 0 ? -errno : 0;
}

/* Have this executable, in another SELinux context, do create_here(). */
static int create_labelled(const struct tap_device *dev, struct cni_err *err)
{
	char job[128], *changes[] = { job, NULL };
	autofree char **env = NULL;
	autofree char *answer = NULL;
	int status, r = set_exec_context(dev->selinux_context);

	if (r < 0)
		return cni_fail(err, r == -EINVAL || r == -ENOENT ? CNI_E_FIELD : CNI_E_FAILED, r,
				"\"selinuxContext\": SELinux does not take \"%.200s\" (is it "
				"switched on, and the context part of its policy?)",
				dev->selinux_context);
	snprintf(job, sizeof(job), HELPER_ENV "=%s %d %lld %lld", dev->name, dev->multi_queue,
		 (long long)dev->owner, (long long)dev->group);
	env = exec_env(changes);
	r = env ? exec_self("tap", env, &answer, &status) : -ENOMEM;
	set_exec_context(NULL);
	if (r < 0 || !WIFEXITED(status))
		return cni_fail(err, CNI_E_FAILED, r,
				"\"selinuxContext\": run this plugin as \"%.200s\"",
				dev->selinux_context);
	return -WEXITSTATUS(status);
}

int tap_device_helper(void)
{
	const char *job = getenv(HELPER_ENV);
	char name[IFNAMSIZ];
	struct tap_device dev = { .name = name };
	long long owner, group;
	int multi;

	if (!job)
		return -1;
	fault_off();
	if (sscanf(job, "%15s %d %lld %lld", name, &multi, &owner, &group) != 4)
		return EINVAL;
	dev.multi_queue = multi;
	dev.owner = owner;
	dev.group = group;
	return -create_here(&dev);
}

/* Make an error of what create_here() gave back. */
static int explain(const struct tap_device *dev, int r, struct cni_err *err)
{
	if (r == 0 || err->code)
		return r;
	if (r == -EDOM)
		return cni_fail(err, CNI_E_CONF, EINVAL,
				"\"owner\" %lld or \"group\" %lld is no id in this user namespace",
				(long long)dev->owner, (long long)dev->group);
	if (r == -ENOENT || r == -ENODEV || r == -ENXIO)
		return cni_fail(err, CNI_E_FIELD, r,
				"open /dev/net/tun (the kernel needs CONFIG_TUN)");
	return cni_fail(err, CNI_E_FAILED, r,
			r == -EEXIST ? "CNI_IFNAME: an interface \"%s\" exists in the container "
				       "already"
				     : "create the tap device %s in the container",
			dev->name);
}

int tap_device_create(const struct tap_device *dev, int netns_fd, bool *made, struct cni_err *err)
{
	autoclose int home = netns_current();
	int r = home < 0 ? home : netns_enter(netns_fd), back;

	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "enter the container's network namespace");
	r = dev->selinux_context ? create_labelled(dev, err) : create_here(dev);
	/* the other process may have died behind it */
	*made = r == 0 || (dev->selinux_context && r != -EEXIST);
	back = netns_enter(home);
	if (back < 0) /* a fault injected here must not leave us inside: undo works on the host */
		netns_enter(home);
	r = explain(dev, r, err);
	return r < 0 || back == 0 ? r
				  : cni_fail(err, CNI_E_FAILED, back,
					     "return to the host's network namespace");
}
