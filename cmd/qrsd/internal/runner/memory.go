package runner

import (
	"bufio"
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// hostMemory is how much memory this process may have: the least of what the host has, what its control group allows, and GOMEMLIMIT.
// 0: not known, as where there is no /proc.
func hostMemory() int64 {
	least := int64(math.MaxInt64)
	for _, bytes := range []int64{debug.SetMemoryLimit(-1), groupMemory("/sys/fs/cgroup/memory.max"), totalMemory("/proc/meminfo")} {
		if bytes > 0 {
			least = min(least, bytes)
		}
	}
	if least == math.MaxInt64 {
		return 0
	}
	return least
}

// groupMemory reads a control group's bound; it is "max" where there is none.
func groupMemory(path string) int64 {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	bytes, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return 0
	}
	return bytes
}

// totalMemory reads the line "MemTotal: 24689764 kB".
func totalMemory(path string) int64 {
	file, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) == 3 && fields[0] == "MemTotal:" && fields[2] == "kB" {
			kilobytes, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				return 0
			}
			return kilobytes << 10
		}
	}
	return 0
}
