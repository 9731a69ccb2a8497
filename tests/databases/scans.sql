-- aabe0016f90d
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE scan (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	name VARCHAR NOT NULL, 
	identity VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	location VARCHAR NOT NULL, 
	files JSON NOT NULL, 
	fault VARCHAR NOT NULL, 
	upload VARCHAR, 
	upload_key VARCHAR, 
	state VARCHAR NOT NULL, 
	takes INTEGER NOT NULL, 
	added_at VARCHAR NOT NULL, 
	finished_at VARCHAR, 
	"end" VARCHAR, 
	probability DOUBLE, 
	result VARCHAR, 
	thumbnail BLOB, 
	UNIQUE (name), 
	UNIQUE (identity)
);
INSERT INTO "scan" VALUES(1,'first','7c065972c87e12430c54c946cf7461d244081fd6daff15b53e33e5f0e4c37118','volume','/scans/first.nrrd','["/scans/first.nrrd"]','',NULL,NULL,'done',1,'2026-11-27T07:32:54+00:00','2026-11-27T07:32:54+00:00','diagnostic',0.75,'{"scan_id":"first","status":"assessed","verdict":"diagnostic","probability":0.75,"votes_diagnostic":3,"votes_total":4,"tie":false,"p_myocardium_nulling":null,"p_sharpness":null,"p_enhancement":null,"p_quality":null,"first_slice":null,"last_slice":null,"n_slices":null,"message":"","warnings":[],"threshold":null,"mask_source":null,"slices":[],"source":"","input_sha256":"","bundle":null,"versions":{},"finished_at":"","seconds":{},"fingerprint":""}',X'FFD87468756D626E61696C');
INSERT INTO "scan" VALUES(2,'second','99316e98c59fa266901c72d83eae16f836fa602ccdd813c746902b85fdeead1b','volume','/scans/second.nrrd','["/scans/second.nrrd"]','',NULL,NULL,'done',1,'2026-11-27T07:32:54+00:00','2026-11-27T07:32:54+00:00','failed',NULL,'{"scan_id":"second","status":"failed","verdict":null,"probability":null,"votes_diagnostic":null,"votes_total":null,"tie":null,"p_myocardium_nulling":null,"p_sharpness":null,"p_enhancement":null,"p_quality":null,"first_slice":null,"last_slice":null,"n_slices":null,"message":"It''s damaged.","warnings":[],"threshold":null,"mask_source":null,"slices":[],"source":"","input_sha256":"","bundle":null,"versions":{},"finished_at":"","seconds":{},"fingerprint":""}',NULL);
INSERT INTO "scan" VALUES(3,'third','27878530caa719b7550dfbd292b0be6afc13a5f82e2b11767a6105f411401e8c','volume','/scans/third.nrrd','["/scans/third.nrrd"]','','folder-1','key-1','working',1,'2026-11-27T07:32:54+00:00',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "scan" VALUES(4,'fourth','f7ca590e74b4a9a920de436a41302452339e875ae904fa1fa55b9098b3bf960c','volume','/scans/fourth.nrrd','["/scans/fourth.nrrd"]','','folder-1','key-1','queued',0,'2026-11-27T07:32:54+00:00',NULL,NULL,NULL,NULL,NULL);
CREATE INDEX ix_scan_state ON scan (state);
CREATE INDEX ix_scan_end ON scan ("end");
CREATE INDEX ix_scan_added_at ON scan (added_at);
CREATE INDEX ix_scan_finished_at ON scan (finished_at);
CREATE INDEX ix_scan_upload ON scan (upload);
CREATE INDEX ix_scan_upload_key ON scan (upload_key);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('scan',4);
COMMIT;
