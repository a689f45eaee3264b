// Package rng holds counter-based random numbers: a draw is a pure function of a key
// and an index, F(key, i), so that any block of years, site or sample can be drawn in
// any order on any core with the same bits.
//
// A Key is made from a seed and refined step by step, one Derive for each thing that
// has an identity of its own: rng.New(seed).Derive(event).Derive(site). Draws of a Key
// are numbered by the caller: k.Float64(sample). Stream wraps a Key where the number of
// draws is not known beforehand (a Poisson variate, a rejection).
//
// Construction. Key.Uint64(i) is output i of SplitMix64 started at the key (G. L.
// Steele, D. Lea, C. H. Flood, Fast splittable pseudorandom number generators, OOPSLA
// 2014), with D. Stafford's finaliser "Mix13" (2011). Derive hashes its argument with
// Mix13 and mixes the combination by MurmurHash3's 64-bit finaliser (A. Appleby, public
// domain): another function than Uint64, so that keys and draws are unrelated. Derive
// is one to one in its argument for a given key, and in the key for a given argument.
// Not for secrets: every output tells the key.
//
// Begin with Key.
package rng
