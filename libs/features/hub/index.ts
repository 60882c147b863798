export { type DocumentDeps, documentsOfInstallMax, readDocument, writeDocument } from './kama-documents.js';
