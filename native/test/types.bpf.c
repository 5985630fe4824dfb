// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Structs and global variables of all kinds. */
#include "types.h"

typedef __u64 ns_t;
typedef char comm_t[16];
typedef const volatile ns_t stamp_t;

enum color {
	RED,
	GREEN
};

struct inner {
	ns_t slots[4];
};

struct everything {
	char letter;
	unsigned char octet;
	signed char tiny;
	_Bool flag;
	__s32 number;
	unsigned int plain;
	ns_t time;
	const stamp_t stamp;
	comm_t comm;
	comm_t names[2];
	__u16 grid[2][3];
	struct inner inner;
	struct inner inners[2];
	enum color color;
	void *nothing;
	struct inner *pointer;
	union {
		__u32 left;
		struct {
			__u16 low;
			__u16 high;
		};
	};
	union {
		__u64 whole;
		__u8 parts[8];
	} choice;
};

struct with_bits {
	__u32 ordinary;
	__u32 three : 3;
};

struct everything everything;
struct with_bits with_bits;

const volatile __u32 ro_u32 = 11;
const volatile __s8 ro_s8 = -3;
const volatile _Bool ro_flag;
const volatile char ro_name[16] = "before";
__u64 bss_u64;
__s32 bss_s32;
__u64 bss_list[4];
__u16 data_u16 = 500;
enum color data_color = GREEN;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} seen SEC(".maps");

static void show(__u32 key, __u64 value)
{
	bpf_map_update_elem(&seen, &key, &value, BPF_ANY);
}

/* Copies what the program sees of the variables to where user space can read it. */
SEC("raw_tp/sys_enter")
int look(__u64 *ctx)
{
	(void)ctx;
	show(0, ro_u32);
	show(1, ro_s8);
	show(2, ro_flag);
	show(3, ro_name[0]);
	show(4, bss_u64);
	show(5, bss_s32);
	show(6, data_u16);
	show(7, data_color);
	bss_u64 += 1;
	bss_list[3] = 42;
	return with_bits.three;
}

char _license[] SEC("license") = "Dual BSD/GPL";
