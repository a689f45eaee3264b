// Passkeys: the browser's ceremony, from the API's JSON (WebAuthn level 3) and back to it.

/** Asks the browser for a passkey that answers the API's options. */
export async function credentialFor(options: unknown): Promise<unknown> {
  const credential = await asked(() => navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options as PublicKeyCredentialRequestOptionsJSON) }))
  return (credential as PublicKeyCredential).toJSON()
}

/** Asks the browser to make a passkey. */
export async function newCredential(options: unknown): Promise<unknown> {
  const credential = await asked(() => navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options as PublicKeyCredentialCreationOptionsJSON) }))
  return (credential as PublicKeyCredential).toJSON()
}

// A browser does not tell a refusal from a passkey that it does not have.
async function asked(ceremony: () => Promise<Credential | null>): Promise<Credential> {
  try {
    const credential = await ceremony()
    if (credential) return credential
  } catch (e) {
    if (!(e instanceof DOMException)) throw e
    if (e.name === 'InvalidStateError') throw new Error('This device has a passkey of yours already.')
  }
  throw new Error('The browser gave no passkey: it was cancelled, took too long, or there is none for this appliance here.')
}
