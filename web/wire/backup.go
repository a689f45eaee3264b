package wire

import "time"

// Backup is the account of a backup at one place: GET /api/v1/system/backups.
type Backup struct {
	ID            string     `json:"id"`
	Name          string     `json:"name"`  // as qrsd restore takes it; "" where it failed before it had one
	Place         string     `json:"place"` // a folder, or s3://bucket/prefix
	Began         time.Time  `json:"began"`
	Ended         time.Time  `json:"ended"`
	Snapshot      *time.Time `json:"snapshot,omitempty"` // what was committed by then is in it
	Outcome       string     `json:"outcome"`            // done or failed
	Reason        string     `json:"reason,omitempty"`   // why it failed
	DatabaseBytes int64      `json:"database_bytes"`
	SentBytes     int64      `json:"sent_bytes"`      // by this backup
	StoredBytes   int64      `json:"stored_bytes"`    // that it takes at its place, with what it shares with others
	Blobs         int        `json:"blobs"`           // files of portfolios, results and their like
	Drill         string     `json:"drill,omitempty"` // outcome of the quick drill after it
	Pruned        []string   `json:"pruned"`          // names of those that were past their time
}

// Drill is the account of a restore for trial: GET /api/v1/system/drills.
type Drill struct {
	ID         string      `json:"id"`
	Backup     string      `json:"backup"`
	Place      string      `json:"place"`
	Form       string      `json:"form"`    // quick, after every backup, or full
	Outcome    string      `json:"outcome"` // done or failed
	Began      time.Time   `json:"began"`
	Ended      time.Time   `json:"ended"`
	RPOSeconds float64     `json:"rpo_seconds"` // how old the backup was when the drill began
	RTOSeconds float64     `json:"rto_seconds"` // until the restored store was unlocked and proved; 0: it was not
	Bytes      int64       `json:"bytes"`       // restored
	Blobs      int         `json:"blobs"`       // restored
	Leaves     int64       `json:"leaves"`      // of all logs, compared with the manifest
	Records    int64       `json:"records"`     // decrypted, of a full one
	Steps      []DrillStep `json:"steps"`
	Faults     []string    `json:"faults"`
	Recomputed *Recomputed `json:"recomputed,omitempty"` // of a full one
	Signed     string      `json:"signed"`               // the report as a signed note, under the key that signs checkpoints
}

// DrillStep is a part of a drill.
type DrillStep struct {
	Name    string  `json:"name"`
	Outcome string  `json:"outcome"` // done or failed
	Seconds float64 `json:"seconds"`
	Detail  string  `json:"detail,omitempty"`
}

// Recomputed is a run that a full drill has computed again.
type Recomputed struct {
	Run     string   `json:"run,omitempty"`
	Tables  int      `json:"tables"`            // whose digests were compared
	Differ  []string `json:"differ"`            // names of those that differ
	Skipped string   `json:"skipped,omitempty"` // why there was none
}

// BackupSchedule is what was done, is being done and is due: GET /api/v1/system/backup-schedule.
type BackupSchedule struct {
	Configured bool        `json:"configured"` // false: no backups are made, and all else is absent
	Places     []string    `json:"places"`
	Attempted  *time.Time  `json:"attempted,omitempty"` // the last backup
	Succeeded  *time.Time  `json:"succeeded,omitempty"` // the last at every place, drill included
	Next       *time.Time  `json:"next,omitempty"`
	Drilled    *time.Time  `json:"drilled,omitempty"` // the last full drill without a fault
	NextDrill  *time.Time  `json:"next_drill,omitempty"`
	Working    *BackupWork `json:"working,omitempty"` // absent: nothing
}

// BackupWork is what is being done.
type BackupWork struct {
	Kind  string    `json:"kind"` // backup or drill
	Began time.Time `json:"began"`
	What  string    `json:"what"`
	Done  int64     `json:"done"`  // bytes, or what What counts
	Total int64     `json:"total"` // -1: not known
}
