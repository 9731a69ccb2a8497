-- 5fedad13cf3e
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE rating (
	id INTEGER NOT NULL, 
	reading_id INTEGER NOT NULL, 
	save_id VARCHAR NOT NULL, 
	version INTEGER NOT NULL, 
	known INTEGER NOT NULL, 
	myocardium_nulling INTEGER, 
	sharpness INTEGER, 
	enhancement INTEGER, 
	quality INTEGER, 
	cannot_rate VARCHAR NOT NULL, 
	comment VARCHAR NOT NULL, 
	seconds DOUBLE NOT NULL, 
	saved_at VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (reading_id, save_id), 
	UNIQUE (reading_id, version), 
	FOREIGN KEY(reading_id) REFERENCES reading (id)
);
INSERT INTO "rating" VALUES(1,1,'save-0000',1,0,4,4,4,4,'','It''s blurred.',12.5,'2026-11-27T07:32:51+00:00');
INSERT INTO "rating" VALUES(2,2,'save-0001',1,0,4,4,4,4,'','It''s blurred.',12.5,'2026-11-27T07:32:51+00:00');
INSERT INTO "rating" VALUES(3,3,'save-0002',1,0,4,4,4,4,'','It''s blurred.',12.5,'2026-11-27T07:32:51+00:00');
INSERT INTO "rating" VALUES(4,4,'save-0003',1,0,4,4,4,4,'','It''s blurred.',12.5,'2026-11-27T07:32:51+00:00');
INSERT INTO "rating" VALUES(5,5,'save-0004',1,0,1,1,1,1,'','It''s blurred.',12.5,'2026-11-27T07:32:51+00:00');
INSERT INTO "rating" VALUES(6,5,'save-0005',2,1,2,2,2,2,'','It''s blurred.',12.5,'2026-11-27T07:32:51+00:00');
CREATE TABLE reader (
	id INTEGER NOT NULL, 
	study_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	name VARCHAR NOT NULL, 
	token_sha256 VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (study_id, number), 
	UNIQUE (study_id, name), 
	FOREIGN KEY(study_id) REFERENCES study (id), 
	UNIQUE (token_sha256)
);
INSERT INTO "reader" VALUES(1,1,1,'Ann','a3656c50c59b9dd17e7b7539929effb20169a63d77b0453e14162984b611c5f8');
INSERT INTO "reader" VALUES(2,1,2,'Bo','cd4a04a5c62365c8d53fbb42985767b1b8244af26997ba0bd8cafe0604fbb4bf');
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
CREATE TABLE study (
	id INTEGER NOT NULL, 
	name VARCHAR NOT NULL, 
	seed INTEGER NOT NULL, 
	repeat_share DOUBLE NOT NULL, 
	made_at VARCHAR NOT NULL, 
	closed_at VARCHAR, 
	reopened_at VARCHAR, 
	PRIMARY KEY (id), 
	UNIQUE (name)
);
INSERT INTO "study" VALUES(1,'Pilot',3,0.4,'2026-11-27T07:32:51+00:00','2026-11-27T07:32:51+00:00',NULL);
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
COMMIT;
