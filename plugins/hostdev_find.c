/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration of host-device, and the device of the host that it selects. */
#include "plugins/hostdev_find.h"

#include "args.h"
#include "cleanup.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

#define PCI_DIR "/sys/bus/pci/devices"
#define AUX_DIR "/sys/bus/auxiliary/devices"

#define FIELD(f) offsetof(struct hostdev_conf, f)

const struct conf_key hostdev_keys[] = {
	{ "device", CONF_STRING, FIELD(device), .help = "name of the device, such as \"eth1\"" },
	{ "hwaddr", CONF_STRING, FIELD(hwaddr),
	  .help = "hardware address of the device: 6, 8 or 20 bytes" },
	{ "kernelpath", CONF_STRING, FIELD(kernelpath),
	  .help = "directory of the device below /sys/devices/, such as "
		  "\"/sys/devices/pci0000:00/0000:00:19.0\"" },
	{ "pciBusID", CONF_STRING, FIELD(pci),
	  .help = "PCI address of the device, such as \"0000:00:19.0\"" },
	{ "dpdkMode", CONF_BOOL, FIELD(dpdk),
	  .dflt = "for a PCI device: whether its driver is vfio-pci, uio_pci_generic or igb_uio",
	  .help = "the device is driven from user space: only IPAM runs" },
	{ "runtimeConfig.deviceID", CONF_DOC,
	  .help = "PCI address or name on the auxiliary bus (capability deviceID); instead of "
		  "pciBusID" },
	{ "ipam", CONF_OBJECT, FIELD(iface.ipam),
	  .help = "IPAM configuration; absent or type \"\": no addresses" },
	{ "dns", CONF_OBJECT, FIELD(iface.dns), .help = "DNS settings of the result" },
	CONF_END
};

/* "" is what Go reads for an absent string. */
static void drop_empty(const char **text)
{
	if (*text && !**text)
		*text = NULL;
}

int hostdev_conf_read(const struct cni_call *call, struct hostdev_conf *conf, struct cni_err *err)
{
	int r = conf_read(call->conf, "", hostdev_keys, conf, err);

	if (r < 0)
		return r;
	drop_empty(&conf->device);
	drop_empty(&conf->hwaddr);
	drop_empty(&conf->kernelpath);
	drop_empty(&conf->pci);
	return iface_ipam_type(&conf->iface, err);
}

/* Names of devices on a bus become part of a path: one component of harmless characters. */
static int check_bus_id(const char *key, const char *id, struct cni_err *err)
{
	size_t len = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				"0123456789.:_-");

	if (id[len] || len > 64 || id[0] == '.')
		return cni_fail(err, CNI_E_CONF, 0,
				"\"%s\": \"%.80s\" is not a device's name on a bus", key, id);
	return 0;
}

static bool on_bus(const char *dir, const char *id)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, id);
	return access(path, F_OK) == 0;
}

/* runtimeConfig.deviceID, which the runtime got from a device plugin. */
static int read_device_id(const struct cni_call *call, struct hostdev_conf *conf,
			  struct cni_err *err)
{
	static const char key[] = "runtimeConfig.deviceID";
	const json_t *value = conf_get_path(call->conf, key);
	const char *id = json_string_value(value);
	int r;

	if (value && !id)
		return cni_fail(err, CNI_E_DECODE, 0, "\"%s\": expected a string", key);
	if (!id || !*id)
		return 0;
	r = check_bus_id(key, id, err);
	if (r < 0)
		return r;
	if (on_bus(PCI_DIR, id)) {
		conf->pci = id;
		return 0;
	}
	if (!on_bus(AUX_DIR, id))
		return cni_fail(err, CNI_E_CONF, 0,
				"\"%s\": there is no device \"%s\" on the PCI or auxiliary bus",
				key, id);
	conf->pci = NULL;
	conf->aux = id;
	return 0;
}

/* The driver of a PCI device tells whether the kernel makes a link of it. */
static int detect_dpdk(struct hostdev_conf *conf, struct cni_err *err)
{
	static const char *const userspace[] = { "vfio-pci", "uio_pci_generic", "igb_uio" };
	char path[PATH_MAX], target[PATH_MAX];
	const char *driver;
	ssize_t n;

	snprintf(path, sizeof(path), PCI_DIR "/%s/driver", conf->pci);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0 && !on_bus(PCI_DIR, conf->pci))
		return cni_fail(err, CNI_E_CONF, 0, "\"pciBusID\": there is no PCI device \"%s\"",
				conf->pci);
	if (n < 0)
		return cni_fail(err, CNI_E_FAILED, errno,
				"\"pciBusID\": PCI device \"%s\" has no driver (%s)", conf->pci,
				path);
	target[n] = '\0';
	driver = strrchr(target, '/') ? strrchr(target, '/') + 1 : target;
	conf->dpdk = false;
	for (size_t i = 0; i < ARRAY_SIZE(userspace); i++)
		conf->dpdk |= strcmp(driver, userspace[i]) == 0;
	return 0;
}

static int check_kernelpath(const char *path, struct cni_err *err)
{
	static const char root[] = "/sys/devices/";

	if (strncmp(path, root, strlen(root)) != 0 || strstr(path, "/../") ||
	    strlen(path) >= PATH_MAX - NAME_MAX ||
	    (strlen(path) > 3 && strcmp(path + strlen(path) - 3, "/..") == 0))
		return cni_fail(err, CNI_E_CONF, 0,
				"\"kernelpath\": \"%.200s\" is not an absolute path below %s", path,
				root);
	return 0;
}

int hostdev_conf_select(const struct cni_call *call, struct hostdev_conf *conf, struct cni_err *err)
{
	int n, r = read_device_id(call, conf, err);

	if (r < 0)
		return r;
	n = !!conf->device + !!conf->hwaddr + !!conf->kernelpath + !!conf->pci + !!conf->aux;
	if (n != 1)
		return cni_fail(
			err, CNI_E_CONF, 0,
			"exactly one of \"device\", \"hwaddr\", \"kernelpath\", \"pciBusID\" "
			"(or runtimeConfig.deviceID) must say which device is meant, not %d",
			n);
	if (conf->device)
		return args_check_ifname(conf->device, CNI_E_CONF, "device", err);
	if (conf->kernelpath)
		return check_kernelpath(conf->kernelpath, err);
	if (!conf->pci)
		return 0;
	r = check_bus_id("pciBusID", conf->pci, err);
	return r < 0 ? r : detect_dpdk(conf, err);
}

char *hostdev_selector(const struct hostdev_conf *conf, char *buf, size_t size)
{
	const char *key = conf->device	     ? "device"
			  : conf->hwaddr     ? "hwaddr"
			  : conf->kernelpath ? "kernelpath"
			  : conf->pci	     ? "pciBusID"
					     : "runtimeConfig.deviceID";
	const char *value = conf->device       ? conf->device
			    : conf->hwaddr     ? conf->hwaddr
			    : conf->kernelpath ? conf->kernelpath
			    : conf->pci	       ? conf->pci
					       : conf->aux;

	snprintf(buf, size, "\"%s\": \"%.200s\"", key, value ? value : "");
	return buf;
}

/* A hardware address as text: pairs of hex digits joined by ':' or '-', or fours by '.'. */
struct hw_addr {
	uint8_t b[20];
	size_t len;
};

static int hex_value(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

static int parse_hw(const char *text, struct hw_addr *out)
{
	size_t group = strchr(text, '.') ? 4 : 2, digits = 0, i;
	char separator = group == 4 ? '.' : strchr(text, '-') ? '-' : ':';

	*out = (struct hw_addr){ 0 };
	for (i = 0; text[i]; i++) {
		if (i % (group + 1) == group) {
			if (text[i] != separator)
				return -EINVAL;
			continue;
		}
		if (!isxdigit((unsigned char)text[i]) || digits == 2 * sizeof(out->b))
			return -EINVAL;
		out->b[digits / 2] |= hex_value(text[i]) << (digits % 2 ? 0 : 4);
		digits++;
	}
	out->len = digits / 2;
	if (i % (group + 1) != group || (out->len != 6 && out->len != 8 && out->len != 20))
		return -EINVAL;
	return 0;
}

static bool has_hw(const struct link_info *info, const void *arg)
{
	const struct hw_addr *hw = arg;

	return info->hw_len == hw->len && memcmp(info->hw, hw->b, hw->len) == 0;
}

/* The first entry of a directory, by name, that begins with @prefix. Return: 0 or -errno. */
static int first_entry(const char *path, const char *prefix, char name[NAME_MAX + 1])
{
	autodir DIR *dir = opendir(path);
	struct dirent *e;

	name[0] = '\0';
	if (!dir)
		return -errno;
	while ((e = readdir(dir)))
		if (e->d_name[0] != '.' && strncmp(e->d_name, prefix, strlen(prefix)) == 0 &&
		    (!name[0] || strcmp(e->d_name, name) < 0))
			snprintf(name, NAME_MAX + 1, "%s", e->d_name);
	return name[0] ? 0 : -ENODEV;
}

/* The name of the device in <path>/net, or in <path>/virtio<n>/net. -ENODEV: there is none. */
static int name_from_sysfs(const char *path, char name[NAME_MAX + 1], struct cni_err *err)
{
	char dir[PATH_MAX + NAME_MAX + 16], virtio[NAME_MAX + 1];
	int r;

	if (access(path, F_OK) < 0)
		return cni_fail(err, CNI_E_CONF, errno, "directory %.200s", path);
	snprintf(dir, sizeof(dir), "%s/net", path);
	r = first_entry(dir, "", name);
	if (r == -ENOENT && first_entry(path, "virtio", virtio) == 0) {
		snprintf(dir, sizeof(dir), "%s/%s/net", path, virtio);
		r = first_entry(dir, "", name);
	}
	if (r == -ENOENT || r == -ENODEV)
		return -ENODEV;
	return r < 0 ? cni_fail(err, CNI_E_FAILED, r, "read directory %.200s", dir) : 0;
}

/* By the place of the hardware in sysfs. */
static int find_in_sysfs(struct nlk *nl, const struct hostdev_conf *conf, struct link_info *out,
			 struct cni_err *err)
{
	char path[PATH_MAX], name[NAME_MAX + 1];
	int r;

	if (conf->kernelpath)
		snprintf(path, sizeof(path), "%s", conf->kernelpath);
	else if (conf->pci)
		snprintf(path, sizeof(path), PCI_DIR "/%s", conf->pci);
	else
		snprintf(path, sizeof(path), AUX_DIR "/%s", conf->aux);
	r = name_from_sysfs(path, name, err);
	return r < 0 ? r : link_get(nl, name, out);
}

int hostdev_find(struct nlk *nl, const struct hostdev_conf *conf, struct link_info *out,
		 struct cni_err *err)
{
	struct link_info info;
	char text[256];
	int r;

	if (conf->device) {
		r = link_get(nl, conf->device, &info);
		if (r == -ENODEV)
			r = link_find(nl, link_has_alias, conf->device, &info);
	} else if (conf->hwaddr) {
		struct hw_addr hw;

		if (parse_hw(conf->hwaddr, &hw) < 0)
			return cni_fail(err, CNI_E_CONF, 0,
					"\"hwaddr\": \"%.80s\" is not a hardware address",
					conf->hwaddr);
		r = link_find(nl, has_hw, &hw, &info);
	} else {
		r = find_in_sysfs(nl, conf, &info, err);
	}
	if (r == -ENODEV || (r < 0 && err->code))
		return r;
	hostdev_selector(conf, text, sizeof(text));
	if (r < 0)
		return nlk_fail(err, nl, CNI_E_FAILED, r, "look for the device %s", text);
	if (info.flags & IFF_LOOPBACK)
		return cni_fail(err, CNI_E_CONF, 0, "%s is a loopback device: it stays on the host",
				text);
	*out = info;
	return 0;
}
