// Passkeys: the only thing on these pages that a browser offers to scripts alone. It shows the buttons that the pages hold
// hidden, asks the appliance for a ceremony, the browser for the passkey, and hands the answer back. It makes no markup.
"use strict";

(() => {
  const api = "/api/v1";

  // Where a ceremony begins and ends, and what goes along with the browser's answer.
  const uses = {
    "sign-in": {
      begin: "/session/passkey/options", end: "/session/passkey",
      given: (part) => (part.dataset.ticket ? { ticket: part.dataset.ticket } : {}),
      answer: (part, answer) => ({ ...uses["sign-in"].given(part), ...answer }),
    },
    "step-up": {
      begin: "/session/step-up/options", end: "/session/step-up",
      answer: (part, answer) => ({ passkey: answer }),
    },
    "add": {
      begin: "/me/passkeys/options", end: "/me/passkeys", create: true,
      answer: (part, answer) => ({ ...answer, name: part.querySelector("input").value }),
    },
  };

  const bytes = (text) => {
    const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, (c) => c.charCodeAt(0));
  };
  const base64url = (buffer) => {
    let plain = "";
    for (const b of new Uint8Array(buffer)) plain += String.fromCharCode(b);
    return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  };
  const described = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

  // Browsers since 2023 read and write the JSON of WebAuthn level 3 themselves; the rest is for those before.
  const creation = (o) => PublicKeyCredential.parseCreationOptionsFromJSON
    ? PublicKeyCredential.parseCreationOptionsFromJSON(o)
    : { ...o, challenge: bytes(o.challenge), user: { ...o.user, id: bytes(o.user.id) }, excludeCredentials: described(o.excludeCredentials) };
  const request = (o) => PublicKeyCredential.parseRequestOptionsFromJSON
    ? PublicKeyCredential.parseRequestOptionsFromJSON(o)
    : { ...o, challenge: bytes(o.challenge), allowCredentials: described(o.allowCredentials) };
  const written = (c) => {
    if (c.toJSON) return c.toJSON();
    const r = c.response;
    const response = { clientDataJSON: base64url(r.clientDataJSON) };
    if (r.attestationObject) {
      response.attestationObject = base64url(r.attestationObject);
      response.transports = r.getTransports ? r.getTransports() : [];
    } else {
      response.authenticatorData = base64url(r.authenticatorData);
      response.signature = base64url(r.signature);
      if (r.userHandle) response.userHandle = base64url(r.userHandle);
    }
    return {
      id: c.id, rawId: base64url(c.rawId), type: c.type, response,
      authenticatorAttachment: c.authenticatorAttachment || undefined,
      clientExtensionResults: c.getClientExtensionResults(),
    };
  };

  // send posts JSON, or nothing, and gives the reply's. What the appliance says of an error is what the reader gets to see.
  const send = async (path, body) => {
    const reply = await fetch(api + path, {
      method: "POST", credentials: "same-origin", redirect: "error",
      headers: body === undefined ? { Accept: "application/json" } : { Accept: "application/json", "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await reply.text();
    const value = text ? JSON.parse(text) : {};
    if (reply.ok) return value;
    if (value.type && value.type.endsWith("#problem-step-up-needed")) {
      location.assign("/confirm?next=" + encodeURIComponent(location.pathname));
    }
    const faults = (value.errors || []).map((one) => one.detail).join("; ");
    throw new Error(sentence(faults || value.detail || value.title || `The appliance answered ${reply.status}`));
  };
  const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1) + (text.endsWith(".") ? "" : ".");

  // reason is an error in words that help. A browser does not tell a refusal from a passkey that it does not have.
  const reason = (error) => {
    switch (error.name) {
      case "NotAllowedError": return "No passkey was used: the request was cancelled, ran out of time, or this device has none for this account.";
      case "InvalidStateError": return "This device or security key holds a passkey for this account already.";
      case "SecurityError": return "The browser refuses passkeys for this address. Open the appliance by its own name.";
      default: return error.message;
    }
  };

  // here is a path of this appliance, or that of the account: nothing leads elsewhere.
  const here = (path) => {
    const url = new URL(path || "/signed-in", location.origin);
    return url.origin === location.origin ? url.href : location.origin + "/signed-in"; // whole: "//host" as a path would leave
  };

  const perform = async (part) => {
    const use = uses[part.dataset.use];
    const begun = await send(use.begin, use.given && use.given(part));
    const credential = use.create
      ? await navigator.credentials.create({ publicKey: creation(begun.options) })
      : await navigator.credentials.get({ publicKey: request(begun.options) });
    return send(use.end, use.answer(part, { ceremony: begun.ceremony, credential: written(credential) }));
  };

  // show puts recovery codes, which came with the first passkey, in place of all that was asked.
  const show = (part, codes) => {
    const done = part.querySelector(".done");
    for (const code of codes) {
      const item = document.createElement("li");
      item.textContent = code;
      done.querySelector("ol").append(item);
    }
    for (let at = part; at.id !== "main"; at = at.parentElement) {
      for (const other of at.parentElement.children) other.hidden = other !== at;
    }
    part.querySelector(".ask").hidden = true;
    done.hidden = false;
    done.querySelector("h1").focus();
    document.title = done.querySelector("h1").textContent + " – QRS Terminal";
  };

  const prepare = (part) => {
    const button = part.querySelector("button");
    const fault = part.querySelector(".fault");
    button.addEventListener("click", async () => {
      button.disabled = true;
      fault.hidden = true;
      try {
        const done = await perform(part);
        if (done.recovery_codes && done.recovery_codes.length > 0) show(part, done.recovery_codes);
        else location.assign(here(part.dataset.next));
      } catch (error) {
        fault.textContent = reason(error);
        fault.hidden = false;
        button.disabled = false;
      }
    });
    part.hidden = false;
  };

  if (window.PublicKeyCredential && navigator.credentials) document.querySelectorAll(".passkey").forEach(prepare);
})();
