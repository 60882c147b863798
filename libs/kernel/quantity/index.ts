export { parseQuantity, quantityFactors } from './parse-quantity.js';
