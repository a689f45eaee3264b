package doctor

import (
	"fmt"
	"time"
)

// utc is a time to the minute.
func utc(t time.Time) string { return t.UTC().Format("2006-01-02 15:04Z") }

// days is a span in whole days.
func days(d time.Duration) string { return counted(int(d.Hours()/24), "day") }

func counted(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}

// size is a number of bytes in GiB or MiB.
func size(bytes int64) string {
	if bytes >= 1<<30 {
		return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
	}
	return fmt.Sprintf("%.0f MiB", float64(bytes)/(1<<20))
}
