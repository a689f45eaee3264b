// Package egress makes what leaves the host for a quantum computer, and the record of what left.
//
// A Job is a batch of OpenQASM texts built from one discretised payoff so that no text of a user's can be in them:
// coarsened to few bins, the bins relabelled at random, the payoff mixed, every angle on a grid of 2^-16 turn, calibration twins
// between, all checked against a closed grammar. The Secret that turns the answer back stays at home.
//
// # What is guaranteed, and what is not
//
// Guaranteed, and tested: (1) every source matches the grammar of Check, whose only free tokens are gate names, qubit
// indices and 16-bit angles; (2) the bytes are a function of the table, the schedule and the randomness alone, so that
// currency, scale, names and ids cannot change a byte; (3) with a Journal, what leaves is on record before it is sent.
//
// Not guaranteed: secrecy of the amplitude, of the multiset of probabilities, or of the fact that something was run. The angles
// of a circuit are its probabilities and payoffs: whoever holds the circuit holds the answer, up to the mix. See Meaning. The
// network's own traces (DNS name, TLS server name, source address, time and size of requests, account and access key
// id, bucket) leave as well.
//
// # Words
//
// job: the circuits that answer one question. twin: a circuit of the same gates whose amplitude is known at home. mix: the
// affine change of the payoff, f' = s + r f or its complement. journal: where exchanges are written down before they happen.
//
// It opens no connection and no file (quantum/braket and the programs do), and knows neither dollars nor portfolios.
//
// Begin with Prepare, then Secret; for the record, Journal and Verify.
package egress

// Meaning is what "anonymized" and "pseudonymous" mean for a circuit that leaves, in the words to use wherever the
// product says either. n is the number of loss qubits of the circuit.
const Meaning = "pseudonymous, not confidential: equivalent to publishing a normalised, shuffled loss histogram with 2^n bins"
