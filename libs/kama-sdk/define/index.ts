export type { Attributes, CustomModel, Shape, VirtualEngine } from './custom-model.js';
export { type ActionDefinition, type ActionPlan, defineAction } from './define-action.js';
export { defineEngine } from './define-engine.js';
export { definePredicate, type PredicateDefinition } from './define-predicate.js';
export { defineSupplier, type SupplierDefinition } from './define-supplier.js';
export type { ModelContext, ResourceQuery } from './model-context.js';
