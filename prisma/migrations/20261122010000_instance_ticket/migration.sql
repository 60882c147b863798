-- By this the operator that runs an instance asks for the instance's tokens. Only a hash is kept, of the present start.
ALTER TABLE "instance" ADD COLUMN "ticket_hash" BYTEA;
CREATE UNIQUE INDEX "instance_ticket_hash_key" ON "instance"("ticket_hash");
