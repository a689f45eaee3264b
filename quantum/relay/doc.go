// Package relay holds the two files that carry circuits across an air gap, and what makes them trusted.
//
// A host without a network writes a job (job.qcirc.json); a connected machine, the relay, runs it and writes
// a result (job.qres.json); the host takes the result in. Both files are JSON whose canonical form (RFC 8785) is
// signed with Ed25519 (RFC 8032), the job by the host's key, the result by the relay's. Each side knows the
// other's key beforehand (Trust). The relay submits the job's strings exactly as they are and learns neither mix nor order.
//
// What a result proves: that this relay says so, for this job, and that nobody changed a byte since. What it does not prove: that
// the device ran the circuits. No provider signs results. An auditor with the same account can
// fetch the task by its ARN.
//
// It reads no results of a device (the caller hands a Reader in), opens no file and no connection, and keeps nothing: that a job
// was answered before is for whoever keeps the jobs to say.
//
// Begin with Job, then Accept.
package relay
