export { documentPlace } from './document-place.js';
export { type DocumentDeps, documentsOfInstallMax, readDocument, writeDocument } from './kama-documents.js';
