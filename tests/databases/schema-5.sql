-- 7177c58
PRAGMA user_version = 5;
BEGIN TRANSACTION;
CREATE TABLE adjudication (
	id INTEGER NOT NULL, 
	scan_id INTEGER NOT NULL, 
	panel VARCHAR NOT NULL, 
	save_id VARCHAR NOT NULL, 
	version INTEGER NOT NULL, 
	myocardium_nulling INTEGER, 
	sharpness INTEGER, 
	enhancement INTEGER, 
	quality INTEGER, 
	cannot_rate VARCHAR NOT NULL, 
	comment VARCHAR NOT NULL, 
	saved_at VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (scan_id, save_id), 
	UNIQUE (scan_id, version), 
	FOREIGN KEY(scan_id) REFERENCES study_scan (id)
);
INSERT INTO "adjudication" VALUES(1,1,'Ann, Bo','save-consensus',1,3,4,5,1,'','','2026-11-28T14:55:41+00:00');
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('5');
CREATE TABLE audit_entry (
	id INTEGER NOT NULL, 
	at VARCHAR NOT NULL, 
	person VARCHAR NOT NULL, 
	action VARCHAR NOT NULL, 
	scan_id INTEGER, 
	scan_name VARCHAR NOT NULL, 
	detail VARCHAR NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "audit_entry" VALUES(1,'2026-11-28T14:55:40+00:00','owner','added',1,'first','');
INSERT INTO "audit_entry" VALUES(2,'2026-11-28T14:55:40+00:00','owner','added',2,'second','');
INSERT INTO "audit_entry" VALUES(3,'2026-11-28T14:55:40+00:00','owner','added',3,'third','');
INSERT INTO "audit_entry" VALUES(4,'2026-11-28T14:55:40+00:00','owner','added',4,'fourth','');
INSERT INTO "audit_entry" VALUES(5,'2026-11-28T14:55:41+00:00','Ann','decided',1,'first','accept');
INSERT INTO "audit_entry" VALUES(6,'2026-11-28T14:55:41+00:00','Ann','decided',1,'first','withdrawn');
CREATE TABLE person (
	id INTEGER NOT NULL, 
	name VARCHAR NOT NULL, 
	role VARCHAR NOT NULL, 
	token_sha256 VARCHAR NOT NULL, 
	added_at VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name), 
	UNIQUE (token_sha256)
);
CREATE TABLE practice_rating (
	id INTEGER NOT NULL, 
	reader_id INTEGER NOT NULL, 
	scan_id INTEGER NOT NULL, 
	myocardium_nulling INTEGER NOT NULL, 
	sharpness INTEGER NOT NULL, 
	enhancement INTEGER NOT NULL, 
	quality INTEGER NOT NULL, 
	saved_at VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (reader_id, scan_id), 
	FOREIGN KEY(reader_id) REFERENCES reader (id), 
	FOREIGN KEY(scan_id) REFERENCES practice_scan (id)
);
INSERT INTO "practice_rating" VALUES(1,1,1,2,3,4,5,'2026-11-28T14:55:41+00:00');
CREATE TABLE practice_scan (
	id INTEGER NOT NULL, 
	study_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	kind VARCHAR NOT NULL, 
	location VARCHAR NOT NULL, 
	files JSON NOT NULL, 
	sha256 VARCHAR NOT NULL, 
	myocardium_nulling DOUBLE, 
	sharpness DOUBLE, 
	enhancement DOUBLE, 
	quality DOUBLE, 
	PRIMARY KEY (id), 
	UNIQUE (study_id, number), 
	FOREIGN KEY(study_id) REFERENCES study (id)
);
INSERT INTO "practice_scan" VALUES(1,1,1,'volume','/scans/practised.nrrd','["/scans/practised.nrrd"]','9999999999999999999999999999999999999999999999999999999999999999',4.0,2.5,NULL,3.0);
CREATE TABLE rating (
	id INTEGER NOT NULL, 
	reading_id INTEGER NOT NULL, 
	known INTEGER NOT NULL, 
	seconds DOUBLE NOT NULL, 
	save_id VARCHAR NOT NULL, 
	version INTEGER NOT NULL, 
	myocardium_nulling INTEGER, 
	sharpness INTEGER, 
	enhancement INTEGER, 
	quality INTEGER, 
	cannot_rate VARCHAR NOT NULL, 
	comment VARCHAR NOT NULL, 
	saved_at VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (reading_id, save_id), 
	UNIQUE (reading_id, version), 
	FOREIGN KEY(reading_id) REFERENCES reading (id)
);
INSERT INTO "rating" VALUES(1,1,0,12.5,'save-0000',1,4,5,1,2,'','It''s blurred.','2026-11-28T14:55:41+00:00');
INSERT INTO "rating" VALUES(2,2,0,12.5,'save-0001',1,4,5,1,2,'','It''s blurred.','2026-11-28T14:55:41+00:00');
INSERT INTO "rating" VALUES(3,3,0,12.5,'save-0002',1,4,5,1,2,'','It''s blurred.','2026-11-28T14:55:41+00:00');
INSERT INTO "rating" VALUES(4,4,0,12.5,'save-0003',1,4,5,1,2,'','It''s blurred.','2026-11-28T14:55:41+00:00');
INSERT INTO "rating" VALUES(5,5,0,12.5,'save-0004',1,1,2,3,4,'','It''s blurred.','2026-11-28T14:55:41+00:00');
INSERT INTO "rating" VALUES(6,5,1,12.5,'save-0005',2,2,3,4,5,'','It''s blurred.','2026-11-28T14:55:41+00:00');
INSERT INTO "rating" VALUES(7,6,0,0.0,'save-refused',1,NULL,NULL,NULL,NULL,'No atrium in it.','','2026-11-28T14:55:41+00:00');
CREATE TABLE reader (
	id INTEGER NOT NULL, 
	study_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	name VARCHAR NOT NULL, 
	token_sha256 VARCHAR NOT NULL, link_nonce VARCHAR, 
	PRIMARY KEY (id), 
	UNIQUE (study_id, number), 
	UNIQUE (study_id, name), 
	FOREIGN KEY(study_id) REFERENCES study (id), 
	UNIQUE (token_sha256)
);
INSERT INTO "reader" VALUES(1,1,1,'Ann','a3656c50c59b9dd17e7b7539929effb20169a63d77b0453e14162984b611c5f8','laDtdmeBcgD1JVI05n88DbZbkqgXWcRI');
INSERT INTO "reader" VALUES(2,1,2,'Bo','cd4a04a5c62365c8d53fbb42985767b1b8244af26997ba0bd8cafe0604fbb4bf','PSz_6drTIahnOp5gVTpmhJjtrddryC3H');
CREATE TABLE reading (
	id INTEGER NOT NULL, 
	reader_id INTEGER NOT NULL, 
	scan_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	round INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (reader_id, number), 
	FOREIGN KEY(reader_id) REFERENCES reader (id), 
	FOREIGN KEY(scan_id) REFERENCES study_scan (id)
);
INSERT INTO "reading" VALUES(1,1,2,1,1);
INSERT INTO "reading" VALUES(2,1,3,2,1);
INSERT INTO "reading" VALUES(3,1,1,3,1);
INSERT INTO "reading" VALUES(4,1,3,4,2);
INSERT INTO "reading" VALUES(5,2,1,1,1);
INSERT INTO "reading" VALUES(6,2,3,2,1);
INSERT INTO "reading" VALUES(7,2,2,3,1);
INSERT INTO "reading" VALUES(8,2,3,4,2);
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
	thumbnail BLOB, decision VARCHAR, summary VARCHAR, rule VARCHAR, teaches DOUBLE, human VARCHAR, urgent BOOLEAN DEFAULT 0 NOT NULL, header VARCHAR, queued_by VARCHAR DEFAULT 'owner' NOT NULL, queued_at DOUBLE, 
	UNIQUE (name), 
	UNIQUE (identity)
);
INSERT INTO "scan" VALUES(1,'first','7c065972c87e12430c54c946cf7461d244081fd6daff15b53e33e5f0e4c37118','volume','/scans/first.nrrd','["/scans/first.nrrd"]','',NULL,NULL,'done',1,'2026-11-28T14:55:40+00:00','2026-11-28T14:55:40+00:00','diagnostic',0.75,'{"scan_id":"first","status":"assessed","verdict":"diagnostic","decision":null,"reasons":[],"probability":0.75,"votes_diagnostic":3,"votes_total":4,"tie":false,"p_myocardium_nulling":0.75,"p_sharpness":0.75,"p_enhancement":0.75,"p_quality":0.75,"first_slice":null,"last_slice":null,"n_slices":null,"message":"","warnings":[],"review":false,"findings":[],"forced":false,"advice":[],"acquisition":null,"reference":null,"measures":null,"threshold":null,"operating_point":null,"mask_source":null,"slices":[],"scores":{},"parts":{},"source":"","series":"","input_sha256":"","mask_sha256":"","bundle":null,"provider":null,"versions":{},"finished_at":"","seconds":{},"fingerprint":""}',X'FFD87468756D626E61696C',NULL,'{"values":{"p_myocardium_nulling":0.75,"p_sharpness":0.75,"p_enhancement":0.75,"p_quality":0.75},"votes_diagnostic":3,"votes_total":4,"failing":[],"flags":[],"poor":[],"reasons":[],"message":"","review":false,"accepted":true,"teaches":0.5}',NULL,0.5,NULL,0,NULL,'owner',1.79587774092610120771e+09);
INSERT INTO "scan" VALUES(2,'second','99316e98c59fa266901c72d83eae16f836fa602ccdd813c746902b85fdeead1b','volume','/scans/second.nrrd','["/scans/second.nrrd"]','',NULL,NULL,'done',1,'2026-11-28T14:55:40+00:00','2026-11-28T14:55:40+00:00','failed',NULL,'{"scan_id":"second","status":"failed","verdict":null,"decision":null,"reasons":[],"probability":null,"votes_diagnostic":null,"votes_total":null,"tie":null,"p_myocardium_nulling":null,"p_sharpness":null,"p_enhancement":null,"p_quality":null,"first_slice":null,"last_slice":null,"n_slices":null,"message":"It''s damaged.","warnings":[],"review":false,"findings":[],"forced":false,"advice":[],"acquisition":null,"reference":null,"measures":null,"threshold":null,"operating_point":null,"mask_source":null,"slices":[],"scores":{},"parts":{},"source":"","series":"","input_sha256":"","mask_sha256":"","bundle":null,"provider":null,"versions":{},"finished_at":"","seconds":{},"fingerprint":""}',NULL,NULL,'{"values":{},"votes_diagnostic":null,"votes_total":null,"failing":[],"flags":[],"poor":[],"reasons":[],"message":"It''s damaged.","review":false,"accepted":null,"teaches":null}',NULL,NULL,NULL,0,NULL,'owner',1.79587774093394660947e+09);
INSERT INTO "scan" VALUES(3,'third','27878530caa719b7550dfbd292b0be6afc13a5f82e2b11767a6105f411401e8c','volume','/scans/third.nrrd','["/scans/third.nrrd"]','','folder-1','key-1','working',1,'2026-11-28T14:55:40+00:00',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,'owner',1.79587774095211029053e+09);
INSERT INTO "scan" VALUES(4,'fourth','f7ca590e74b4a9a920de436a41302452339e875ae904fa1fa55b9098b3bf960c','volume','/scans/fourth.nrrd','["/scans/fourth.nrrd"]','','folder-1','key-1','queued',0,'2026-11-28T14:55:40+00:00',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,'owner',1.79587774095352625848e+09);
CREATE TABLE scan_decision (
	id INTEGER NOT NULL, 
	scan_id INTEGER NOT NULL, 
	save_id VARCHAR NOT NULL, 
	version INTEGER NOT NULL, 
	decision VARCHAR NOT NULL, 
	reason VARCHAR NOT NULL, 
	note VARCHAR NOT NULL, 
	person VARCHAR NOT NULL, 
	decided_at VARCHAR NOT NULL, 
	model_decision VARCHAR, 
	model_probability DOUBLE, 
	PRIMARY KEY (id), 
	UNIQUE (scan_id, save_id), 
	UNIQUE (scan_id, version), 
	FOREIGN KEY(scan_id) REFERENCES scan (id) ON DELETE CASCADE
);
INSERT INTO "scan_decision" VALUES(1,1,'save-accept',1,'accept','','It''s clear.','Ann','2026-11-28T14:55:41+00:00',NULL,0.75);
INSERT INTO "scan_decision" VALUES(2,1,'save-withdrawn',2,'withdrawn','','It''s clear.','Ann','2026-11-28T14:55:41+00:00',NULL,0.75);
CREATE TABLE study (
	id INTEGER NOT NULL, 
	name VARCHAR NOT NULL, 
	seed INTEGER NOT NULL, 
	repeat_share DOUBLE NOT NULL, 
	made_at VARCHAR NOT NULL, 
	closed_at VARCHAR, 
	reopened_at VARCHAR, rule JSON DEFAULT '{"points": 2, "points_on": ["myocardium_nulling", "sharpness", "enhancement", "quality"], "sides_on": ["quality"]}' NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (name)
);
INSERT INTO "study" VALUES(1,'Pilot',3,0.4,'2026-11-28T14:55:41+00:00','2026-11-28T14:55:41+00:00',NULL,'{"points": 2, "points_on": ["myocardium_nulling", "sharpness", "enhancement", "quality"], "sides_on": ["quality"]}');
CREATE TABLE study_scan (
	id INTEGER NOT NULL, 
	study_id INTEGER NOT NULL, 
	scan_id VARCHAR NOT NULL, 
	patient VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	location VARCHAR NOT NULL, 
	files JSON NOT NULL, 
	mask VARCHAR, 
	sha256 VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (study_id, scan_id), 
	FOREIGN KEY(study_id) REFERENCES study (id)
);
INSERT INTO "study_scan" VALUES(1,1,'rated-0','patient 0','volume','/scans/rated-0.nrrd','["/scans/rated-0.nrrd"]',NULL,'0000000000000000000000000000000000000000000000000000000000000000');
INSERT INTO "study_scan" VALUES(2,1,'rated-1','patient 1','volume','/scans/rated-1.nrrd','["/scans/rated-1.nrrd"]',NULL,'1111111111111111111111111111111111111111111111111111111111111111');
INSERT INTO "study_scan" VALUES(3,1,'rated-2','patient 2','volume','/scans/rated-2.nrrd','["/scans/rated-2.nrrd"]',NULL,'2222222222222222222222222222222222222222222222222222222222222222');
CREATE INDEX ix_scan_upload ON scan (upload);
CREATE INDEX ix_scan_upload_key ON scan (upload_key);
CREATE INDEX ix_scan_state ON scan (state);
CREATE INDEX ix_scan_added_at ON scan (added_at);
CREATE INDEX ix_scan_finished_at ON scan (finished_at);
CREATE INDEX ix_scan_end ON scan ("end");
CREATE INDEX ix_scan_decision ON scan (decision);
CREATE INDEX ix_scan_human ON scan (human);
CREATE INDEX ix_audit_entry_at ON audit_entry (at);
CREATE INDEX ix_audit_entry_person ON audit_entry (person);
CREATE INDEX ix_audit_entry_scan_id ON audit_entry (scan_id);
CREATE TRIGGER audit_entry_no_UPDATE BEFORE UPDATE ON audit_entry BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;
CREATE TRIGGER audit_entry_no_DELETE BEFORE DELETE ON audit_entry BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;
CREATE INDEX ix_scan_queue ON scan (state, urgent, queued_by, id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('scan',4);
COMMIT;
