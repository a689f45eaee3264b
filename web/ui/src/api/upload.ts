// Uploads with their progress, which fetch does not tell.
import { ApiError, newKey, problemFrom } from './client'

/** Sends a form with files; `onSent` hears what part of it is on its way, from 0 to 1. */
export function upload<T>(method: 'POST' | 'PUT', path: string, form: FormData, options: { onSent?: (part: number) => void; etag?: string; signal?: AbortSignal }): Promise<T> {
  return new Promise((done, failed) => {
    const x = new XMLHttpRequest()
    x.open(method, path)
    x.setRequestHeader('Accept', 'application/json')
    x.setRequestHeader('Idempotency-Key', newKey())
    if (options.etag) x.setRequestHeader('If-Match', options.etag)
    x.upload.onprogress = (e) => { if (e.lengthComputable) options.onSent?.(e.loaded / e.total) }
    x.onload = () => {
      if (x.status >= 200 && x.status < 300) done(JSON.parse(x.responseText) as T)
      else failed(problemFrom(x.status, x.responseText, x.getResponseHeader('Retry-After'), x.getResponseHeader('X-Request-Id')))
    }
    x.onerror = () => failed(new ApiError({ type: '', title: 'The upload broke off', status: 0, detail: 'The connection to the appliance was lost, or the appliance refused the rest. Nothing was imported; try again.', request_id: '' }))
    x.onabort = () => failed(new ApiError({ type: '', title: 'The upload was cancelled', status: 0, detail: 'Nothing was imported.', request_id: '' }))
    options.signal?.addEventListener('abort', () => x.abort())
    x.send(form)
  })
}
