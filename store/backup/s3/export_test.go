package s3

import "github.com/qrsrisk/qrsd/store/backup"

// SetPartSize has a target send smaller parts than S3 itself would take.
func SetPartSize(t backup.Target, size int64) { t.(*target).part = size }
