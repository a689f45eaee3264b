// How a receiver verifies a delivery of qrsd: the header QRSD-Signature is the argument, the body the standard input, the webhook's secret
// lies in WEBHOOK_SECRET. Ends with 0 where the delivery is to be taken, and with 1 where not.
//
// The types follow from the default values, so that this is JavaScript as well.
import { createHmac, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import process from "node:process";

// One of the signatures in the header is that of the body with the secret, and no older than five minutes. The body is the bytes as they
// came: parse them afterwards.
export function verify(header = "", secret = "", body = new Uint8Array(), now = Date.now() / 1000) {
  const parts = header.split(",");
  const sent = parts.find((part) => part.startsWith("t="))?.slice(2) ?? "";
  if (!/^\d{1,12}$/.test(sent) || Math.abs(now - Number(sent)) > 300) return false;
  const want = createHmac("sha256", secret).update(sent + ".").update(body).digest();
  return parts
    .filter((part) => part.startsWith("v1="))
    .map((part) => Buffer.from(part.slice(3), "hex"))
    .some((signature) => signature.length === want.length && timingSafeEqual(signature, want));
}

const good = process.argv.length === 3 && verify(process.argv[2], process.env.WEBHOOK_SECRET, readFileSync(0));
console.log(good ? "good" : "refused");
process.exitCode = good ? 0 : 1;
