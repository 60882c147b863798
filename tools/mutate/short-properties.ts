import fc from 'fast-check';

/** A mutant that lives runs every test that reaches it: properties stop after this time, however many cases they are to try. */
fc.configureGlobal({ interruptAfterTimeLimit: 150 });
