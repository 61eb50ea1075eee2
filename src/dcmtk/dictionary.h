/*
 * dictionary: names of attributes (PS3.6) and of UIDs, by DCMTK.
 *
 * The data dictionary is loaded when it is first needed, from where DCMDICTPATH says; without it
 * functions fail with "no-dictionary". Names of UIDs need no dictionary. All texts are static.
 */
#ifndef GS_DICTIONARY_H
#define GS_DICTIONARY_H

#include "dcmtk/dataset.h"
#include "error.h"

/* "PatientName" to 0010,0010; "bad-path" where there is no such keyword. */
int gs_keyword_to_tag(const char *keyword, struct gs_tag *tag, struct gs_error *error);

/* The same for "0010,0010" and "(0010,0010)" as well. */
int gs_tag_parse(const char *text, struct gs_tag *tag, struct gs_error *error);

/* 0010,0010 to "PatientName"; NULL where the dictionary has none. */
const char *gs_tag_to_keyword(struct gs_tag tag);

/* The known keyword that is spelt most like this one; NULL where none is near. Slow. */
const char *gs_keyword_nearest(const char *keyword);

/* "1.2.840.10008.5.1.4.1.1.2" to "CTImageStorage"; NULL where it is unknown. */
const char *gs_uid_name(const char *uid);

/* "CTImageStorage" to "1.2.840.10008.5.1.4.1.1.2"; NULL where no UID has the name. */
const char *gs_uid_named(const char *name);

/* The prefix of file names for a storage SOP class, as "CT"; NULL where it is unknown. */
const char *gs_modality_prefix(const char *sop_class);

/* A new UID, at most 64 characters and a NUL. */
void gs_uid_generate(char uid[65]);

#endif
