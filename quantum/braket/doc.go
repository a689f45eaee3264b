// Package braket runs circuits on Amazon Braket: IonQ Forte 1 and Forte Enterprise 1, and the simulators SV1 and DM1.
//
// It reads what a device can do and costs, checks a circuit against that before anything is paid for, submits it once,
// waits for it over restarts, and verifies the result against what was sent. A source is an OpenQASM text of the
// closed form of egress.Check; the package knows no loss, no table and no secret of a job's, and opens no
// connection of its own: the HTTP client comes from internal/outbound.
//
// Begin reading at [Client.Device], [Device.Preflight], [Device.Quote], [Client.Submit], [Client.Wait], [Client.Result], in
// that order: it is the life of a task. [Verify] judges a result that came as a file.
//
// # Why signed requests and not the generated client
//
// The requests are composed here and signed with the signer of the AWS SDK's core module. The generated client
// service/braket was the alternative, and is not used, because
//
//   - the exact bytes must be on record before they are sent ([Client.Journal]). The generated client composes them in a
//     chain of steps that ends on the wire, and sends them again by itself when it retries;
//   - it adds headers that tell of the host (operating system, compiler, number of the attempt, a fresh id for each
//     call). Here User-Agent is a constant;
//   - its newest version that a module proxy serves, v1.27.0, dates from before spending limits.
//
// Eight calls and one S3 object are what is needed. Credentials do come from the SDK's chain (config, credentials), with our
// HTTP client: see [Credentials].
//
// # What leaves, besides the recorded bytes
//
// A name service sees the host's name; TLS shows it too (server name), and the network sees source address, time and
// size of each request. The request holds the access key id and, with temporary credentials, the session token, never the secret key. The
// task's ARN holds the account's number. AWS keeps circuit and result together, in the result object; IonQ sees the circuit.
// Renewing temporary credentials is a request of the SDK's own: outbound records the connection, but the journal not
// its bytes.
//
// Sources: Amazon Braket API reference (2019-09-01), https://docs.aws.amazon.com/braket/latest/APIReference/Welcome.html;
// amazon-braket-schemas-python (Apache-2.0) for action, deviceParameters, capabilities and results.
package braket
